// Answers requests by the nets in JavaScript: { folder, described, requests } in, answers out.

import { readFileSync } from "node:fs";

const { folder, described, requests } = JSON.parse(readFileSync(0, "utf8"));
const load = (name) => import(`${folder}/${name}.js`);
const [{ Answers }, { Net }, { decodeAll }, { makeGenerator }] = await Promise.all(["answers", "layers", "tensor", "random"].map(load));

const answers = await Answers.load(described);
const ways = {
  answer: ([path, params]) => answers.answer(path, params),
  stream: ([params]) => [...answers.stream(params)],
  draws: ([seed, purpose, count]) => Array.from({ length: count }, function () { return this.random(); }, makeGenerator(seed, ...purpose)),
  net: async ([net, values, shape]) => Array.from([...new Net(await decodeAll(net)).run(values, shape).values()].pop().values),
  time: ([path, params, count]) => {
    const from = process.cpuUsage();
    for (let index = 0; index < count; index++) answers.answer(path, params);
    return process.cpuUsage(from).user / 1000 / count;
  },
};
const given = [];
for (const [way, ...args] of requests) {
  try {
    given.push(await ways[way](args));
  } catch (error) {
    given.push({ error: error.message, values: error.values });
  }
}
process.stdout.write(JSON.stringify({ answers: given }));

// Python in a worker, so that the page can end it. The page sends one of:
//   { kind: "load", pyodide, sources, language }   where Pyodide and practical_1.zip are
//   { kind: "run", id, cell, source, check }       a cell, and the functions to check in it
// and receives { kind: "ready", version } or { kind: "failed", reason }, and for each cell what
// etabli.nn.cells posts: "output" and "row" while it runs, one "result" at its end.

let session = null;

async function load({ pyodide, sources, language }) {
  const { loadPyodide } = await import(`${pyodide}pyodide.mjs`);
  const python = await loadPyodide({ indexURL: pyodide });
  await python.loadPackage("numpy", { messageCallback: () => {} });
  const answer = await fetch(sources);
  if (!answer.ok) throw new Error(`${sources}: ${answer.status}`);
  python.FS.writeFile("/practical_1.zip", new Uint8Array(await answer.arrayBuffer()));
  python.runPython("import sys; sys.path.append('/practical_1.zip')");
  python.pyimport("tp1").use_language(language);
  session = python.pyimport("etabli.nn.cells").Session((message) => postMessage(JSON.parse(message)));
  postMessage({ kind: "ready", version: python.version });
}

addEventListener("message", async ({ data }) => {
  try {
    if (data.kind === "load") await load(data);
    else session.answer(JSON.stringify(data));
  } catch (error) {
    // The last line of a traceback of Python says what happened.
    const lines = String(error?.message ?? error).trim().split("\n");
    postMessage({ kind: "failed", id: data.id, reason: lines[lines.length - 1] });
  }
});

// The first page: each tile says whether its models are there.

import { _ } from "./common.js";
import { whenChanged } from "./sign.js";

whenChanged(({ tools }) => {
  for (const tile of document.querySelectorAll(".tile")) {
    const own = tile.dataset.tools.split(" ").filter(Boolean).map((key) => tools[key]).filter(Boolean);
    if (!own.length) continue;
    const ready = own.filter((tool) => tool.state === "ready").length;
    const coming = own.some((tool) => tool.state === "loading" || tool.state === "waiting");
    tile.dataset.state = ready === own.length ? "ready" : coming ? "loading" : ready ? "partly" : "missing";
    tile.querySelector(".ready").textContent = { ready: _("ready"), loading: _("being loaded…"), partly: _("partly trained"), missing: _("not trained yet") }[tile.dataset.state];
  }
});

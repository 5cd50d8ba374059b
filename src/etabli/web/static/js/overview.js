// The overview: each tile shows whether its models are loaded.

import { _ } from "./common.js";
import { whenChanged } from "./models.js";

whenChanged(({ models }) => {
  for (const tile of document.querySelectorAll(".tile")) {
    const needed = tile.dataset.models.split(" ").filter(Boolean).map((key) => models[key]).filter((model) => model && model.state !== "absent");
    if (!needed.length) continue;
    const ready = needed.filter((model) => model.state === "ready").length;
    const isLoading = needed.some((model) => model.state === "loading" || model.state === "waiting");
    tile.dataset.state = ready === needed.length ? "ready" : isLoading ? "loading" : ready ? "partly" : "missing";
    tile.querySelector(".ready").textContent = { ready: _("ready"), loading: _("loading…"), partly: _("partly trained"), missing: _("not trained yet") }[tile.dataset.state];
  }
});

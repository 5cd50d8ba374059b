// How far a run is: the epoch, the loss so far, the time elapsed and remaining; or where it stopped.

import { _, el, language } from "./common.js";

/** Write 45 s, 3 min 20 s or 1 h 05 min. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Say which epoch, step or preparation a run is at. */
export function place(progress) {
  const { done, steps, is_epochs: isEpochs } = progress;
  if (!progress.texts[language].label) return steps ? _("preparing; {epochs} epochs follow", { epochs: steps }) : _("preparing");
  if (!steps) return "";
  if (isEpochs) return _("epoch {epoch} of {epochs}", { epoch: Math.min(steps, Math.floor(done) + 1), epochs: steps });
  return _("step {done} of {steps}", { done: Math.floor(done), steps });
}

/** Describe a run's progress in one line. */
export function describe(progress) {
  const { title, label, numbers } = progress.texts[language];
  const several = progress.total > 1 ? _("{number} of {total}", progress) : "";
  return [
    [several, title].filter(Boolean).join(": "),
    label && label !== title ? label : "",
    place(progress),
    ...numbers,
    _("{time} elapsed", { time: duration(progress.elapsed) }),
    progress.remaining === null ? "" : _("about {time} left", { time: duration(progress.remaining) }),
  ].filter(Boolean).join(" · ");
}

/** Return the progress of a training whose process writes none: not yet, or no more. */
export const withoutProgress = (elapsed, isOver) => ({
  ...{ running: true, total: 1, steps: null, elapsed, remaining: null },
  texts: { [language]: { title: "", label: isOver ? _("writing the report") : "", numbers: [] } },
});

/** Show the progress of a running training in an element; of one that stopped, where, and how to resume. */
export function showProgress(container, progress, resume = "") {
  container.hidden = !progress && !resume;
  if (container.hidden) return;
  container.classList.toggle("stopped", !progress?.running);
  if (!progress?.running) {
    container.replaceChildren(
      el("p", {}, el("strong", {}, _("Interrupted: no process trains this run any longer.")), " ", progress ? _("It stopped at: {place}", { place: describe({ ...progress, remaining: null }) }) : ""),
      resume ? el("p", {}, _("To resume it, in a terminal:"), " ", el("code", {}, resume)) : "");
    return;
  }
  let text = container.querySelector(".progress-text");
  if (!text) {
    text = el("p", { class: "progress-text" });
    container.replaceChildren(el("progress", { "aria-label": _("Progress of the training") }), text);
  }
  text.textContent = describe(progress);
  const bar = container.querySelector("progress");
  if (progress.steps && progress.texts[language].label) Object.assign(bar, { max: progress.steps, value: progress.done });
  else bar.removeAttribute("value");
}

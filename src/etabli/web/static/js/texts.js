// The texts of the page in its language, which the frame embeds.

const texts = JSON.parse(document.getElementById("texts").textContent);
export const language = document.documentElement.lang;

/** Translate a text to the language of the page and fill its {placeholders}. */
export function _(message, values = {}) {
  return (texts[message] ?? message).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

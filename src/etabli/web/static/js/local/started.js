// Old JavaScript only: where the scripts of the page did not start, say so instead of showing nothing.
window.addEventListener("load", function () {
  if (window.etabli && window.etabli.isStarted) return;
  var notice = document.getElementById("old");
  if (notice) notice.removeAttribute("hidden");
});

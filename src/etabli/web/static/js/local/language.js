// Old JavaScript only: open the site in the language of the browser.
location.replace(((navigator.language || "").indexOf("fr") === 0 ? "fr" : "en") + "/index.html");

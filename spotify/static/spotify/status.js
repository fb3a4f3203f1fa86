// Comfort only: the page says everything without it. Counts a pause down, and reads the page anew every five seconds.
"use strict";
const main = document.querySelector("main");

function countDown() {
  for (const time of main.querySelectorAll("[data-countdown]")) {
    const left = Math.max(0, Math.round((new Date(time.dateTime) - Date.now()) / 1000));
    const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    time.dataset.text ||= time.textContent;
    time.textContent = `${time.dataset.text} (in ${parts.map((part) => String(part).padStart(2, "0")).join(":")})`;
  }
}

async function readAnew() {
  if (document.hidden || main.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.replaceChildren(...page.querySelector("main").childNodes);
    countDown();
  } catch {
    // The next one may succeed; what is shown stays.
  }
}

countDown();
setInterval(countDown, 1000);
setInterval(readAnew, 5000);

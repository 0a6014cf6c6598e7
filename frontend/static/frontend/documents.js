/* After uploads the list below shows the new documents. */

import { localTimes } from "./page.js";

document.addEventListener("uploaded", async () => {
  const answer = await fetch(window.location.href, { credentials: "same-origin" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const list = document.getElementById("document-list");
  list.replaceChildren(...fresh.getElementById("document-list").childNodes);
  localTimes(list);
});

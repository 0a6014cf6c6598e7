/* The page of an agent: while something is under way it asks each second how far it is, and shows the end by itself. */

import { localTimes } from "./page.js";

const EVERY = 1000; // ms
const head = document.getElementById("agent");
let timer = null;

const underWay = () => document.getElementById("under-way");
const later = () => (timer = setTimeout(look, EVERY));

async function look() {
  const shown = underWay();
  if (!shown || document.hidden) return;
  try {
    const answer = await fetch(head.dataset.address, { credentials: "same-origin" });
    if (answer.ok) {
      const agent = await answer.json();
      if (String(agent.pending_command?.id) !== shown.dataset.command) await refresh(agent);
    }
  } catch {
    /* the server is away: asked again */
  }
  if (underWay()) later();
}

/* The parts that change, from a fresh copy of this page; what was typed in the head stays. */
async function refresh(agent) {
  const answer = await fetch(window.location.href, { credentials: "same-origin" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const reason = head.querySelector("[name=reason]")?.value;
  document.querySelectorAll("[data-swap][id]").forEach((part) => {
    const other = fresh.getElementById(part.id);
    if (!other || part.id === "notices") return;
    part.replaceChildren(...other.childNodes);
    localTimes(part);
  });
  if (reason) head.querySelector("[name=reason]")?.setAttribute("value", reason);
  if (!underWay()) say(agent);
}

/* What failed is said in the head, where it stays: it is not said twice. */
function say(agent) {
  const notices = document.getElementById("notices");
  notices.replaceChildren();
  if (agent.state_detail === "ERROR") return;
  const notice = document.createElement("div");
  notice.className = "alert success";
  notice.setAttribute("role", "status");
  notice.textContent = `Done: it is ${agent.state_detail.toLowerCase()} now.`;
  notices.append(notice);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  look();
});
if (underWay()) later();

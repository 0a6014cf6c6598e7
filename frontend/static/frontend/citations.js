/* A citation opens its passage in a side panel, the cited span highlighted; without this file it is an ordinary link. */

const panel = document.getElementById("passage-panel");
const body = panel?.querySelector(".offcanvas-body");
const title = panel?.querySelector(".offcanvas-title");
const whole = panel?.querySelector("[data-whole]");
let opened = null;

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-passage]");
  if (!link || !panel || !window.bootstrap || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link);
});

async function open(link) {
  opened?.setAttribute("aria-expanded", "false");
  opened = link;
  link.setAttribute("aria-expanded", "true");
  title.textContent = link.dataset.title || "Source";
  whole.href = link.href;
  body.replaceChildren(note("Opening the passage…"));
  window.bootstrap.Offcanvas.getOrCreateInstance(panel).show();
  try {
    const answer = await fetch(link.dataset.passage, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    if (opened !== link) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    body.replaceChildren(...page.body.childNodes);
    body.querySelector("mark")?.scrollIntoView({ block: "center" });
  } catch {
    body.replaceChildren(note("The passage could not be opened. Its document may have been deleted; open the whole document to check."));
  }
}

/* Escape also counts while the panel is still sliding in. */
let closing = false;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panel?.classList.contains("showing")) closing = true;
});
panel?.addEventListener("shown.bs.offcanvas", () => {
  if (closing) window.bootstrap.Offcanvas.getInstance(panel).hide();
  closing = false;
});

panel?.addEventListener("hidden.bs.offcanvas", () => {
  opened?.setAttribute("aria-expanded", "false");
  opened?.focus();
  opened = null;
});

function note(text) {
  const node = document.createElement("p");
  node.className = "muted";
  node.textContent = text;
  return node;
}

/* What every page has: theme menu, navigation on a phone, local times, questions before something irreversible. */

document.querySelectorAll("[data-theme-set]").forEach((button) => {
  const mark = () => button.setAttribute("aria-pressed", String(document.documentElement.dataset.themeChoice === button.dataset.themeSet));
  button.addEventListener("click", () => window.setTheme(button.dataset.themeSet));
  document.addEventListener("themechange", mark);
  mark();
});

const side = document.querySelector(".side");
const opener = document.querySelector("[data-nav-open]");
let scrim = null;
function showNavigation(open) {
  side.classList.toggle("open", open);
  opener.setAttribute("aria-expanded", String(open));
  if (open) {
    scrim = document.createElement("div");
    scrim.className = "scrim";
    scrim.addEventListener("click", () => showNavigation(false));
    document.body.append(scrim);
    side.querySelector("a").focus();
  } else {
    scrim?.remove();
    opener.focus();
  }
}
opener?.addEventListener("click", () => showNavigation(true));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && side?.classList.contains("open")) showNavigation(false);
});

export function localTimes(root = document) {
  root.querySelectorAll("time[datetime]").forEach((node) => {
    const date = new Date(node.getAttribute("datetime"));
    if (Number.isNaN(date.valueOf())) return;
    node.title = date.toLocaleString();
    if (node.dataset.show === "clock") node.textContent = date.toLocaleTimeString([], { hour12: false });
    else if (node.dataset.show === "ago") node.textContent = ago(date);
    else node.textContent = date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  });
}

function ago(date) {
  const seconds = Math.max(0, (Date.now() - date) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 604800) return `${Math.floor(seconds / 86400)} d ago`;
  return date.toLocaleDateString([], { dateStyle: "medium" });
}
localTimes();

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset?.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-submit-on-change]")) event.target.form.requestSubmit();
});
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select?.();
  try {
    await navigator.clipboard.writeText(field.value ?? field.textContent);
    button.lastElementChild.textContent = "Copied";
  } catch {
    button.lastElementChild.textContent = "Press Ctrl+C";
  }
});

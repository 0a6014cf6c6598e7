/* The form of a new session: what does not count is dimmed, a document that was just uploaded is picked. */

const form = document.getElementById("new-session");
const pick = document.getElementById("pick");

function showWhatCounts() {
  const chooses = form.elements.who.value === "agents";
  document.getElementById("agent-list").hidden = !chooses;
  document.getElementById("modes").closest(".panel").hidden = !chooses;
}

form.addEventListener("change", (event) => {
  if (event.target.name === "agents" && event.target.checked) {
    form.querySelector("input[name=who][value=agents]").checked = true;
  }
  showWhatCounts();
});

document.addEventListener("document-ready", ({ detail }) => {
  let box = pick.querySelector(`input[value="${CSS.escape(detail.id)}"]`);
  if (!box) {
    pick.querySelector("[data-empty]")?.remove();
    const label = document.createElement("label");
    box = document.createElement("input");
    Object.assign(box, { type: "checkbox", name: "documents", value: detail.id, className: "form-check-input mt-0" });
    const title = document.createElement("span");
    title.className = "truncate grow";
    title.textContent = detail.title;
    label.append(box, title);
    pick.prepend(label);
  }
  box.checked = true;
});

form.addEventListener("submit", () => {
  const button = form.querySelector("button[type=submit]");
  setTimeout(() => (button.disabled = true));
});
window.addEventListener("pageshow", () => (form.querySelector("button[type=submit]").disabled = false));
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
showWhatCounts();

/* The form of a new agent: choosing what it is made of shows its fields at once; without scripts a button does. */

const form = document.getElementById("new-agent");

document.querySelector("[data-choose]").addEventListener("change", () => form.requestSubmit(document.getElementById("choose")));
form.addEventListener("submit", (event) => {
  if (event.submitter?.name === "choose") return;
  setTimeout(() => form.querySelectorAll("button[type=submit]").forEach((button) => (button.disabled = true)));
});
window.addEventListener("pageshow", () => form.querySelectorAll("button[type=submit]").forEach((button) => (button.disabled = false)));

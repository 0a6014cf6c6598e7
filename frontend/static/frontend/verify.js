/* The "Verify" link of a session asks the API and shows the verdict beside it; without scripts it is a page. */

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[data-verify]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const verdict = link.parentElement.querySelector("[data-verdict]");
  verdict.className = "muted";
  verdict.textContent = "checking…";
  try {
    const answer = await fetch(link.dataset.verify, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    show(verdict, await answer.json());
  } catch {
    location.assign(link.href);
  }
});

function show(verdict, found) {
  verdict.className = `pill st st-${found.is_whole ? "COMPLETED" : "FAILED"}`;
  verdict.textContent = found.is_whole ? "history verified" : `breaks at event ${found.problems[0].seq}`;
  verdict.title = found.is_whole ? `${found.events} events, last hash ${found.last_hash}` : found.problems[0].message;
}

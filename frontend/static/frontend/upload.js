/* Files dropped or chosen are uploaded at once, one request each; a bad one says why, the others are kept and picked. */

const AT_ONCE = 2;

for (const drop of document.querySelectorAll("[data-upload]")) wire(drop);

function wire(drop) {
  const input = drop.querySelector("input[type=file]");
  const list = document.getElementById(drop.dataset.list);
  const waiting = [];
  let busy = 0;
  const enqueue = (files) => {
    for (const file of files) waiting.push({ file, row: addRow(list, file) });
    next();
  };
  const next = () => {
    while (busy < AT_ONCE && waiting.length) {
      busy += 1;
      send(drop, waiting.shift()).finally(() => {
        busy -= 1;
        next();
        if (!busy && !waiting.length) drop.dispatchEvent(new CustomEvent("uploaded", { bubbles: true }));
      });
    }
  };
  input.addEventListener("change", () => {
    enqueue(input.files);
    input.value = "";
  });
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    enqueue(event.dataTransfer.files);
  });
}

function addRow(list, file) {
  const row = document.createElement("li");
  const icon = document.createElement("i");
  icon.className = "bi bi-file-earmark-text";
  const name = document.createElement("span");
  name.className = "truncate";
  name.textContent = file.name;
  const state = document.createElement("span");
  state.className = "muted";
  state.textContent = "waiting";
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  row.append(icon, name, state, bar);
  list.append(row);
  return { row, icon, state, bar };
}

function send(drop, { file, row }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("files", file);
    const collection = document.getElementById("collection")?.value;
    if (collection) body.append("collection_id", collection);
    body.append("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
    request.open("POST", drop.dataset.upload);
    request.setRequestHeader("Accept", "application/json");
    row.state.textContent = "uploading";
    request.upload.onprogress = (event) => {
      row.bar.value = event.loaded / (event.total || 1);
      if (event.loaded === event.total) row.state.textContent = "reading";
    };
    request.onload = () => {
      finish(row, read(request));
      resolve();
    };
    request.onerror = () => {
      finish(row, { status: "FAILED", error: "The connection was lost. Try this file again." });
      resolve();
    };
    request.send(body);
  });
}

function read(request) {
  let answer;
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    answer = {};
  }
  if (request.status >= 400 || !answer.results?.length) {
    return { status: "FAILED", error: answer.message || `The server answered ${request.status}. Try this file again.` };
  }
  return answer.results[0];
}

function finish({ row, icon, state, bar }, result) {
  bar.remove();
  const good = result.status !== "FAILED";
  row.dataset.status = result.status;
  icon.className = good ? "bi bi-check-circle-fill" : "bi bi-x-circle-fill";
  icon.classList.add("pill-icon", "st", good ? "st-COMPLETED" : "st-FAILED");
  state.textContent = good ? "ready" : "not usable";
  if (!good) {
    const why = document.createElement("span");
    why.className = "why";
    why.textContent = result.error || "The file could not be read.";
    row.append(why);
  } else {
    row.dispatchEvent(new CustomEvent("document-ready", { bubbles: true, detail: result }));
  }
}

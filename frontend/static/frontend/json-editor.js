/* Every `textarea[data-json]` becomes an editor that says while one types what is wrong, and where.

   Whether the JSON can be read is seen here at once. What it means is asked of `data-check` (the address of the server's
   own check): it is sent the form as it is and answers `{"problems": {field: [{"path", "message"}]}}`. Without scripts
   the textareas are textareas, and the same check runs when the form is sent. */

import { lineOf, readJson } from "./json-places.js";

const WAIT = 300; // ms without a key pressed, before the server is asked
const SHOWN = 8;
const { ace } = window;

ace.config.set("useStrictCSP", true);
ace.define("ace/theme/ours", ["require", "exports"], (_, exports) => Object.assign(exports, { cssClass: "ace-ours", cssText: "", isDark: false }));

class JsonEditor {
  constructor(textarea, changed) {
    this.textarea = textarea;
    this.name = textarea.name;
    this.fromServer = [];
    this.said = document.getElementById(`${textarea.name}-error`);
    this.build();
    this.editor.session.on("change", () => {
      textarea.value = this.editor.getValue();
      this.said?.remove();
      this.fromServer = [];
      this.read();
      changed();
    });
    this.read();
  }

  build() {
    const { textarea } = this;
    const label = textarea.labels[0];
    this.frame = element("div", "json-editor");
    const host = this.frame.appendChild(element("div", "json-text"));
    this.list = this.frame.appendChild(element("ul", "json-problems"));
    this.list.setAttribute("aria-live", "polite");
    textarea.after(this.frame);
    host.textContent = textarea.value;
    this.editor = ace.edit(host, {
      useWorker: false, // before the mode, which would start one
      mode: "ace/mode/json",
      theme: "ace/theme/ours",
      enableKeyboardAccessibility: true,
      textInputAriaLabel: `${label?.textContent.trim() ?? this.name}, as JSON`,
      showPrintMargin: false,
      highlightActiveLine: false,
      highlightGutterLine: false,
      tabSize: 2,
      useSoftTabs: true,
      wrap: true,
      minLines: 5,
      maxLines: 26,
      readOnly: textarea.readOnly || textarea.disabled,
    });
    textarea.hidden = true;
    textarea.required = false; // what is hidden cannot be focused to complain
    label?.addEventListener("click", () => this.editor.focus());
  }

  read() {
    const { places, problem } = readJson(this.textarea.value);
    this.places = places;
    this.unreadable = problem && this.textarea.value.trim() ? problem : null;
    this.show();
  }

  take(problems) {
    this.fromServer = problems.map((problem) => ({ ...problem, line: problem.path ? lineOf(this.places, problem.path) : 1 }));
    this.show();
  }

  show() {
    const problems = this.unreadable ? [this.unreadable] : this.fromServer;
    if (problems.length) this.said?.remove(); // the same, said when the form was sent
    this.frame.classList.toggle("has-problems", problems.length > 0);
    this.editor.session.setAnnotations(problems.map(({ line, column = 1, message }) => ({ row: line - 1, column: column - 1, text: message, type: "error" })));
    this.list.replaceChildren(...problems.slice(0, SHOWN).map((problem) => this.entry(problem)));
    if (problems.length > SHOWN) this.list.append(element("li", "more", `and ${problems.length - SHOWN} more`));
  }

  entry({ line, column, path, message }) {
    const entry = element("li");
    const button = entry.appendChild(element("button", "", `Line ${line}`));
    button.type = "button";
    button.addEventListener("click", () => {
      this.editor.gotoLine(line, (column ?? 1) - 1);
      this.editor.focus();
    });
    entry.append(" ");
    if (path && path !== "$") entry.append(element("code", "", path), " ");
    entry.append(message);
    return entry;
  }
}

function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

/* One form: its editors, and the other fields that the server's check may have something to say about. */
class CheckedForm {
  constructor(form, textareas) {
    this.form = form;
    this.address = textareas.find((textarea) => textarea.dataset.check)?.dataset.check;
    this.editors = textareas.map((textarea) => new JsonEditor(textarea, () => this.later()));
    if (!this.address) return;
    form.addEventListener("input", (event) => event.target.name && this.later());
    form.addEventListener("change", (event) => event.target.name && this.later());
    this.later();
  }

  later() {
    this.running?.abort();
    clearTimeout(this.timer);
    if (this.address) this.timer = setTimeout(() => this.ask(), WAIT);
  }

  async ask() {
    this.running = new AbortController();
    const body = new URLSearchParams([...new FormData(this.form)].filter(([, value]) => typeof value === "string"));
    try {
      const answer = await fetch(this.address, { method: "POST", body, signal: this.running.signal });
      if (answer.ok) this.take((await answer.json()).problems);
    } catch {
      /* asked again at the next change, and when the form is sent */
    }
  }

  take(problems) {
    const edited = new Set(this.editors.map((editor) => editor.name));
    this.editors.forEach((editor) => editor.take(problems[editor.name] ?? []));
    this.form.querySelectorAll(":scope .json-aside").forEach((list) => list.remove());
    Object.entries(problems).forEach(([name, found]) => {
      const field = edited.has(name) ? null : this.form.elements[name];
      if (!(field instanceof HTMLElement)) return;
      const list = element("ul", "json-problems json-aside");
      list.append(...found.map(({ message }) => element("li", "", message)));
      field.after(list);
    });
  }
}

function followTheme() {
  const root = document.documentElement;
  const dark = root.classList.contains("dark") || root.dataset.bsTheme === "dark";
  document.querySelectorAll(".ace-ours").forEach((editor) => editor.classList.toggle("ace_dark", dark));
}

const forms = new Map();
document.querySelectorAll("textarea[data-json]").forEach((textarea) => {
  if (textarea.form) forms.set(textarea.form, [...(forms.get(textarea.form) ?? []), textarea]);
});
forms.forEach((textareas, form) => new CheckedForm(form, textareas));
new MutationObserver(followTheme).observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-bs-theme"] });
followTheme();

/* Reads JSON and remembers where everything stands: `{value, places, problem}`. Pure; strict as RFC 8259 is.

   `places` maps paths, written as the server writes them (`$.a[0]['b c']`), to lines from 1;
   `problem` is null or `{line, column, message}`. */

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const IDENTIFIER = /^[\p{L}_][\p{L}\p{N}_]*$/u;
const DEEPEST = 500;

class Unreadable extends Error {
  constructor(at, message) {
    super(message);
    this.at = at;
  }
}

export function readJson(text) {
  const lines = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines.push(at + 1);
  const reader = new Reader(text, lines);
  try {
    const value = reader.document();
    return { value, places: reader.places, problem: null };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const line = reader.line(error.at);
    return { value: undefined, places: reader.places, problem: { line, column: error.at - lines[line - 1] + 1, message: error.message } };
  }
}

export const step = (key) =>
  typeof key === "number" ? `[${key}]` : IDENTIFIER.test(key) ? `.${key}` : `['${key.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}']`;

const LAST_STEP = /(?:\.[^.[\]]+|\[[^\]]*\])$/;

/* The line of a path; of the nearest thing around it, when it is not there itself (a key that is missing). */
export function lineOf(places, path) {
  let known = path;
  while (!places.has(known) && LAST_STEP.test(known)) known = known.replace(LAST_STEP, "");
  return places.get(known) ?? 1;
}

class Reader {
  constructor(text, lines) {
    Object.assign(this, { text, lines, at: 0, places: new Map() });
  }

  line(at) {
    let low = 0;
    let high = this.lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.lines[middle] <= at) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  blank() {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at += 1;
  }

  fail(message, at = this.at) {
    throw new Unreadable(at, message);
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found?.[0];
  }

  document() {
    const value = this.value("$", 0);
    this.blank();
    if (this.at < this.text.length) this.fail("there is something after the end of the value");
    return value;
  }

  value(path, depth) {
    this.blank();
    if (depth > DEEPEST) this.fail("it is nested too deeply");
    this.places.set(path, this.line(this.at));
    const first = this.text[this.at];
    if (first === undefined) this.fail("it ends too early");
    if (first === "{") return this.object(path, depth);
    if (first === "[") return this.array(path, depth);
    if (first === '"') return this.string();
    if (first === "'") this.fail("texts stand in double quotes");
    for (const [word, value] of [["true", true], ["false", false], ["null", null]]) {
      if (this.text.startsWith(word, this.at) && !/\w/.test(this.text[this.at + word.length] ?? "")) {
        this.at += word.length;
        return value;
      }
    }
    const number = this.match(NUMBER);
    if (number === undefined || /[\w.]/.test(this.text[this.at] ?? "")) this.fail(this.unknown(number));
    return Number(number);
  }

  unknown(number) {
    if (number !== undefined) return "this is no number as JSON writes them";
    if ("}]".includes(this.text[this.at])) return "a value is missing here; is there a comma too many?";
    const word = /^\w+/.exec(this.text.slice(this.at, this.at + 40))?.[0];
    return word ? `${word} needs double quotes` : `${this.text[this.at]} is not expected here`;
  }

  string() {
    const start = this.at;
    const found = this.match(TEXT);
    if (found !== undefined) return JSON.parse(found);
    const end = this.text.slice(start + 1).search(/"|\n|$/);
    if (this.text[start + 1 + end] === '"') this.fail("a backslash here is followed by something JSON does not know", start);
    return this.fail("this text has no closing double quote", start);
  }

  object(path, depth) {
    const value = {};
    this.members("}", "the object", () => {
      if (this.text[this.at] !== '"') this.fail(this.at < this.text.length ? "a key in double quotes is expected here; is there a comma too many?" : "the object is not closed");
      const line = this.line(this.at);
      const key = this.string();
      const inner = path + step(key);
      if (Object.hasOwn(value, key)) this.fail(`the key "${key}" is there twice`);
      this.blank();
      if (this.text[this.at] !== ":") this.fail(`a colon is missing after "${key}"`);
      this.at += 1;
      const read = this.value(inner, depth + 1);
      Object.defineProperty(value, key, { value: read, enumerable: true, configurable: true, writable: true });
      this.places.set(inner, line);
    });
    return value;
  }

  array(path, depth) {
    const value = [];
    this.members("]", "the list", () => value.push(this.value(path + step(value.length), depth + 1)));
    return value;
  }

  members(closing, what, read) {
    this.at += 1;
    this.blank();
    if (this.text[this.at] === closing) {
      this.at += 1;
      return;
    }
    for (;;) {
      this.blank();
      read();
      this.blank();
      const next = this.text[this.at];
      if (next === closing) break;
      if (next === undefined) this.fail(`${what} is not closed`);
      if (next !== ",") this.fail("a comma is missing before this");
      this.at += 1;
    }
    this.at += 1;
  }
}

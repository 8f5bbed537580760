"use strict";

// Builds the page from /openapi.json, so that it cannot tell anything else than the description does.

const main = document.getElementById("calls");
const notice = document.getElementById("notice");
const keyField = document.getElementById("key");
const maxShown = 500_000; // characters; browsers get slow with more

keyField.value = sessionStorage.getItem("millrace-key") ?? "";

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Text whose `quoted` parts become code. */
function prose(text) {
  return text.split("`").map((part, i) => (i % 2 === 1 ? element("code", {}, part) : part));
}

function authorization() {
  return keyField.value ? { Authorization: `Bearer ${keyField.value}` } : {};
}

async function readDescription() {
  const answer = await fetch("/openapi.json", { headers: authorization() });
  if (answer.ok) return answer.json();
  throw new Error((await answer.json()).detail);
}

function resolve(description, value) {
  if (!value?.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, name) => at[name], description);
}

function describeType(schema) {
  const bounds = [];
  if (schema.minimum !== undefined) bounds.push(`from ${schema.minimum}`);
  if (schema.maximum !== undefined) bounds.push(`to ${schema.maximum}`);
  if (schema.default !== undefined) bounds.push(`default ${schema.default}`);
  return [schema.type, ...bounds].join(", ");
}

function parameterField(parameter, id) {
  const schema = parameter.schema;
  const choices = schema.enum ?? (schema.type === "boolean" ? [true, false] : null);
  const field = choices
    ? element("select", { id }, element("option", { value: "" }, "–"), ...choices.map((c) => element("option", {}, String(c))))
    : element("input", { id, value: parameter.example ?? "", inputMode: schema.type === "integer" ? "numeric" : "text" });
  field.required = parameter.required;
  const hint = element("span", { className: "quiet" }, ...prose(`${parameter.description} (${describeType(schema)})`));
  const label = element("label", { htmlFor: id }, `${parameter.name}${parameter.required ? "" : " (optional)"}`, hint);
  return { parameter, field, box: element("div", {}, label, field) };
}

function buildUrl(path, fields) {
  const query = new URLSearchParams();
  let url = path;
  for (const { parameter, field } of fields) {
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(field.value));
    else if (parameter.in === "query" && field.value !== "") query.set(parameter.name, field.value);
  }
  return query.size > 0 ? `${url}?${query}` : url;
}

function headersOf(fields) {
  const given = fields.filter(({ parameter, field }) => parameter.in === "header" && field.value !== "");
  return Object.fromEntries(given.map(({ parameter, field }) => [parameter.name, field.value]));
}

function pretty(text, type) {
  if (!type.includes("json") || type.includes("ndjson")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function shorten(text) {
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}\n… and ${text.length - maxShown} more characters`;
}

async function readStream(answer, show) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text = (text + value).slice(-maxShown);
    show(text);
  }
}

function answerView() {
  const state = element("p", { role: "status" });
  const headers = element("pre");
  const body = element("pre", { tabIndex: 0 });
  body.setAttribute("aria-label", "Body of the answer");
  const box = element("div", { className: "inside", hidden: true });
  box.append(element("h3", {}, "Answer"), state, element("details", {}, element("summary", {}, "Headers"), headers), body);
  return { box, state, headers, body };
}

async function send(request, view, signal) {
  const start = performance.now();
  view.box.hidden = false;
  view.state.className = "quiet";
  view.state.textContent = "Sending …";
  view.headers.textContent = view.body.textContent = "";
  try {
    const answer = await fetch(request.url, { ...request.options, signal });
    const took = () => `${(performance.now() - start).toFixed(1)} ms`;
    const type = answer.headers.get("content-type") ?? "";
    view.headers.textContent = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    view.state.className = answer.ok ? "good" : "bad";
    view.state.textContent = `${answer.status} ${answer.statusText}, first byte after ${took()}`;
    if (type.startsWith("text/event-stream")) {
      await readStream(answer, (text) => {
        view.body.textContent = text;
        view.body.scrollTop = view.body.scrollHeight;
      });
      view.state.textContent = "The stream has ended.";
      return;
    }
    const text = await answer.text();
    view.state.textContent = `${answer.status} ${answer.statusText}, ${took()}, ${text.length} characters`;
    view.body.textContent = shorten(pretty(text, type)) || "(empty)";
  } catch (error) {
    view.state.className = error.name === "AbortError" ? "quiet" : "bad";
    view.state.textContent = error.name === "AbortError" ? "Stopped." : `No answer: ${error.message}`;
  }
}

function answersTable(description, operation) {
  const rows = Object.entries(operation.responses).map(([status, answer]) =>
    element("tr", {}, element("td", {}, status), element("td", {}, ...prose(resolve(description, answer).description))),
  );
  return element("details", {}, element("summary", {}, "Possible answers"), element("table", {}, element("tbody", {}, ...rows)));
}

function bodyField(description, operation, id) {
  if (!operation.requestBody) return null;
  const [type, media] = Object.entries(operation.requestBody.content)[0];
  const text = typeof media.example === "string" ? media.example : JSON.stringify(media.example, null, 2);
  const field = element("textarea", { id, value: text, spellcheck: false });
  const schema = resolve(description, media.schema);
  const hints = Object.entries(schema.properties ?? {})
    .filter(([, member]) => member.description)
    .map(([name, member]) => element("tr", {}, element("td", {}, name), element("td", {}, ...prose(member.description))));
  const box = element("div", {}, element("label", { htmlFor: id }, `Body (${type})`), field);
  if (hints.length > 0) box.append(element("table", {}, element("tbody", {}, ...hints)));
  return { type, field, box };
}

function callCard(description, path, method, operation) {
  const id = operation.operationId;
  const fields = (operation.parameters ?? [])
    .map((parameter) => resolve(description, parameter))
    .map((parameter) => parameterField(parameter, `${id}-${parameter.name}`));
  const body = bodyField(description, operation, `${id}-body`);
  const view = answerView();
  const button = element("button", { className: "send", type: "submit" }, "Send");
  const stop = element("button", { type: "button", disabled: true }, "Stop");
  const form = element("form", { className: "inside" });
  if (operation.description) form.append(element("p", {}, ...prose(operation.description)));
  if (operation["x-scope"]) form.append(element("p", { className: "quiet" }, `Scope of the key: ${operation["x-scope"]}`));
  if (fields.length > 0) form.append(element("div", { className: "fields" }, ...fields.map((field) => field.box)));
  if (body) form.append(body.box);
  form.append(element("div", { className: "row" }, button, stop), answersTable(description, operation));

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const control = new AbortController();
    stop.onclick = () => control.abort();
    button.disabled = true;
    stop.disabled = false;
    const options = { method: method.toUpperCase(), headers: { ...authorization(), ...headersOf(fields) } };
    if (body) {
      options.headers["Content-Type"] = body.type;
      options.body = body.field.value;
    }
    await send({ url: buildUrl(path, fields), options }, view, control.signal);
    button.disabled = false;
    stop.disabled = true;
  });

  const summary = element("summary", {});
  summary.append(element("span", { className: `method ${method}` }, method.toUpperCase()));
  summary.append(element("code", {}, path), element("span", { className: "quiet" }, operation.summary));
  const card = element("details", { className: "call", id }, summary, form, view.box);
  card.dataset.words = `${method} ${path} ${operation.summary} ${operation.tags.join(" ")}`.toLowerCase();
  return card;
}

function showCalls(description) {
  document.getElementById("version").textContent = description.info.version;
  document.getElementById("about").replaceChildren(...prose(description.info.description));
  main.replaceChildren(notice);
  notice.hidden = true;
  for (const tag of description.tags) {
    const section = element("section", {}, element("h2", {}, tag.name), element("p", { className: "quiet" }, tag.description));
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.tags.includes(tag.name)) section.append(callCard(description, path, method, operation));
      }
    }
    main.append(section);
  }
  const wanted = document.getElementById(location.hash.slice(1));
  if (wanted?.matches("details")) wanted.open = true;
}

function applyFilter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of main.querySelectorAll("section")) {
    for (const card of section.querySelectorAll(".call")) card.hidden = !words.every((word) => card.dataset.words.includes(word));
    section.hidden = !section.querySelector(".call:not([hidden])");
  }
}

async function start() {
  try {
    showCalls(await readDescription());
    applyFilter(document.getElementById("filter").value);
  } catch (error) {
    notice.hidden = false;
    notice.textContent = `The description could not be read: ${error.message}`;
  }
}

document.getElementById("filter").addEventListener("input", (event) => applyFilter(event.target.value));
document.getElementById("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("millrace-key", keyField.value);
  start();
});
start();

"use strict";
(() => {
  const tapes = JSON.parse(document.getElementById("data").textContent);
  const list = document.getElementById("list");
  const main = document.getElementById("tape");
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const SVG = "http://www.w3.org/2000/svg";
  let shown = [];
  let current = null;

  // Text is only ever set as text: what a tape holds cannot become markup.
  function el(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "onclick") node.addEventListener("click", value);
      else node.setAttribute(key, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  function svg(name, attributes, text) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function outcome(take) {
    if (take.fault) return [take.fault.kind, "bad"];
    const grade = take.status >= 500 ? "bad" : take.status >= 400 ? "warn" : "good";
    return [String(take.status) + (take.cut ? " cut" : ""), grade];
  }

  // Made once: searching reads it at every key.
  for (const tape of tapes) {
    const parts = [tape.file, tape.key, tape.request.method, tape.request.url, ...tape.rules];
    const side = (message) => {
      for (const [name, value] of message.headers || []) parts.push(name + ": " + value);
      if (message.body && message.body.text) parts.push(message.body.text);
      for (const said of message.messages || []) parts.push(said.text || "");
    };
    side(tape.request);
    for (const take of tape.takes) {
      side(take);
      parts.push(outcome(take)[0], take.recorded.from, take.fault ? "fault " + take.fault.message : "");
    }
    tape.text = parts.join("\n").toLowerCase();
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = tapes.filter((tape) => words.every((word) => tape.text.includes(word)));
    count.textContent = shown.length === tapes.length ? tapes.length + (tapes.length === 1 ? " tape" : " tapes") : shown.length + " of " + tapes.length;
    const nodes = [];
    let folder = null;
    for (const tape of shown) {
      if (tape.folder !== folder) {
        folder = tape.folder;
        nodes.push(el("h3", {}, folder));
      }
      const [word, grade] = outcome(tape.takes[0]);
      const more = tape.takes.length > 1 ? " +" + (tape.takes.length - 1) : "";
      tape.node = el("button", { title: tape.request.url, onclick: () => open(tape) },
        el("span", { class: "method" }, tape.request.method),
        el("span", { class: "url" }, tape.request.url.replace(/^https?:\/\//, "")),
        el("span", { class: grade }, word + more));
      nodes.push(tape.node);
    }
    list.replaceChildren(...nodes);
    if (shown.length && !shown.includes(current)) open(shown[0], true);
    else if (!shown.length) main.replaceChildren(el("p", { class: "dim" }, "no tape has this"));
    else mark();
  }

  function mark() {
    for (const tape of shown) tape.node.setAttribute("aria-current", String(tape === current));
  }

  function open(tape, quiet) {
    current = tape;
    mark();
    if (!quiet) {
      history.replaceState(null, "", "#" + tape.key.slice(0, 12));
      tape.node.scrollIntoView({ block: "nearest" });
    }
    show(tape, 0);
  }

  function show(tape, at) {
    const tabs = tape.takes.map((take, i) => {
      const [word, grade] = outcome(take);
      return el("button", { "aria-selected": String(i === at), onclick: () => show(tape, i) },
        "take " + (i + 1) + ": ", el("span", { class: grade }, word));
    });
    const facts = [tape.file, "key " + tape.key.slice(0, 12), tape.layer, ...tape.rules.map((rule) => "rule: " + rule)];
    main.replaceChildren(
      el("h2", {}, tape.request.method + " " + tape.request.url),
      el("p", { class: "dim" }, facts.join(" · ")),
      el("div", { class: "sides" },
        el("section", {}, el("h3", {}, "request, " + tape.request.version), ...message(tape.request)),
        el("section", {}, tape.takes.length > 1 ? el("div", { class: "tabs" }, ...tabs) : null, ...answer(tape.takes[at], at))));
  }

  function answer(take, at) {
    const { at: when, elapsed_ms: ms, from, notes } = take.recorded;
    const nodes = [el("h3", {}, "answer, " + from + " " + when + ", after " + ms + " ms")];
    for (const note of notes) nodes.push(el("p", { class: "warn" }, note));
    if (take.changes) nodes.push(...changes(take.changes, at));
    if (take.fault) {
      nodes.push(el("p", { class: "bad" }, "fault " + take.fault.kind + ": " + take.fault.message));
      return nodes;
    }
    const [, grade] = outcome(take);
    nodes.push(el("p", { class: grade }, take.version + " " + take.status + (take.reason ? " " + take.reason : "")));
    if (take.url) nodes.push(el("p", { class: "dim" }, "answered by " + take.url));
    if (take.cut) nodes.push(el("p", { class: "bad" }, (take.messages ? "the conversation" : "the body") + " broke off: " + take.cut));
    if (take.frames) nodes.push(...timeLine(take.frames));
    nodes.push(...message(take));
    if (take.messages) nodes.push(...conversation(take));
    if (take.trailers && take.trailers.length) nodes.push(el("h3", {}, "trailers"), fields(take.trailers));
    return nodes;
  }

  function changes(found, at) {
    const title = el("h3", {}, "since take " + at);
    if (!found.length) return [title, el("p", { class: "dim" }, "nothing changed")];
    const rows = found.map((change) => el("tr", { class: change.meaning ? "" : "dim" },
      el("td", {}, change.place),
      el("td", {},
        change.before === null ? null : el("div", { class: "minus" }, "− " + change.before),
        change.after === null ? null : el("div", { class: "plus" }, "+ " + change.after))));
    return [title, el("table", { class: "changes" }, el("tbody", {}, ...rows))];
  }

  function message(side) {
    const nodes = [];
    if (side.headers && side.headers.length) nodes.push(el("h3", {}, "headers"), fields(side.headers));
    if (side.body) nodes.push(...body(side.body));
    return nodes;
  }

  function conversation(take) {
    const nodes = [];
    for (const said of take.messages) {
      const arrow = said.by === "client" ? "\u2192 " : "\u2190 ";
      nodes.push(el("h3", {}, arrow + said.type + ", " + said.bytes + " bytes" + (said.ms === null ? "" : ", after " + said.ms + " ms")));
      nodes.push(said.text === null ? el("p", { class: "dim" }, "no text") : content(said.text));
    }
    const { close } = take;
    if (close) nodes.push(el("p", { class: "dim" }, ["closed by the " + close.by, close.code, close.reason].filter(Boolean).join(", ")));
    return nodes;
  }

  function fields(headers) {
    return el("table", {}, el("tbody", {}, ...headers.map(([name, value]) => el("tr", {}, el("td", {}, name), el("td", {}, value)))));
  }

  function body(body) {
    const nodes = [el("h3", {}, "body, " + body.bytes + " bytes")];
    if (body.image) return [...nodes, el("img", { src: body.image, alt: "the body, an image" })];
    if (body.bytes === 0) return nodes;
    if (body.text === null) return [...nodes, el("p", { class: "dim" }, "no text")];
    if (body.events) {
      for (const [i, [name, data]] of body.events.entries()) nodes.push(el("h3", {}, i + 1 + " " + name), content(data));
    } else {
      nodes.push(content(body.text));
    }
    if (body.shown < body.bytes) nodes.push(el("p", { class: "warn" }, "only the first " + body.shown + " bytes are in this page"));
    return nodes;
  }

  function content(text) {
    const first = text.trimStart()[0];
    if (first === "{" || first === "[") {
      try {
        JSON.parse(text);
        return el("div", { class: "json" }, tree(text));
      } catch {
        // It is shown as it stands.
      }
    }
    return el("pre", {}, text);
  }

  // Read token by token, so that every number and every repeated name stays as it is spelt.
  function tree(text) {
    const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g);
    let at = 0;
    const kind = (token) => token[0] === '"' ? "s" : /[-\d]/.test(token[0]) ? "n" : "w";
    function value(label, depth) {
      const token = tokens[at++];
      const name = label === null ? [] : [el("span", { class: "k" }, label), ": "];
      if (token !== "{" && token !== "[") return el("div", { class: "leaf" }, ...name, el("span", { class: kind(token) }, token));
      const close = token === "{" ? "}" : "]";
      const children = [];
      while (tokens[at] !== close) {
        if (tokens[at] === ",") at++;
        let label = null;
        if (token === "{") {
          label = tokens[at];
          at += 2;
        }
        children.push(value(label, depth + 1));
      }
      at++;
      if (!children.length) return el("div", { class: "leaf" }, ...name, token + close);
      const count = children.length + (token === "{" ? " member" : " item") + (children.length === 1 ? " " : "s ");
      const node = el("details", {}, el("summary", {}, ...name, token, el("span", { class: "folded dim" }, " " + count + close)), ...children,
        el("div", {}, close));
      node.open = depth < 3 && children.length <= 50;
      return node;
    }
    return value(null, 0);
  }

  function timeLine(frames) {
    const timed = frames.every(([ms]) => ms !== null);
    const title = el("h3", {}, "stream, " + frames.length + " pieces" + (timed ? "" : ", times not recorded"));
    const end = timed ? Math.max(1, frames[frames.length - 1][0]) : frames.length - 1;
    const most = Math.max(...frames.map(([, bytes]) => bytes), 1);
    const picture = svg("svg", { viewBox: "0 0 500 62", role: "img", "aria-label": "time line" });
    picture.append(svg("line", { x1: 10, x2: 490, y1: 34, y2: 34 }));
    for (const [i, [ms, bytes, text]] of frames.entries()) {
      const x = 10 + 480 * (timed ? ms : i) / end;
      const mark = svg("circle", { cx: x, cy: 34, r: 3 + 9 * Math.sqrt(bytes / most) });
      mark.append(svg("title", {}, (timed ? ms + " ms, " : "") + bytes + " bytes\n" + text));
      picture.append(mark);
    }
    if (timed) {
      picture.append(svg("text", { x: 10, y: 60 }, "0 ms"));
      picture.append(svg("text", { x: 490, y: 60, "text-anchor": "end" }, end + " ms"));
    }
    return [title, picture];
  }

  function go(step) {
    const next = shown[shown.indexOf(current) + step];
    if (next) open(next);
  }

  document.addEventListener("keydown", (event) => {
    if (event.target === search) {
      if (event.key === "Escape") search.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      search.focus();
    } else if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
  });
  search.addEventListener("input", filter);

  function fromHash() {
    let hash = location.hash.slice(1);
    try {
      hash = decodeURIComponent(hash);
    } catch {
      // A lone percent sign is itself.
    }
    if (hash.startsWith("q=")) search.value = hash.slice(2);
    filter();
    const asked = tapes.find((tape) => hash.length >= 4 && tape.key.startsWith(hash));
    if (asked) open(asked, true);
  }
  window.addEventListener("hashchange", fromHash);
  fromHash();
})();

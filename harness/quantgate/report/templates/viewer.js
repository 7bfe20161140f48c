"use strict";
// Every changed image of the open model: a gallery with filters, and a viewer over the whole window.
(() => {
  const { all, press } = quantgate;
  const dialog = document.getElementById("viewer"), stage = dialog.querySelector(".stage");
  const views = all("[data-view]", dialog), BATCH = 60;
  const make = (name, facts = {}, ...inside) => {
    const element = Object.assign(document.createElement(name), facts);
    element.append(...inside);
    return element;
  };
  // The gallery that is looked at, {id, data, box, rules, kept, places}, and all of the open view by their id.
  let model = null;
  const galleries = new Map();
  const within = (own, act) => (...given) => ((model = own), act(...given));
  const shown = { at: -1, view: "side", lit: null, k: 1, x: 0, y: 0, timer: 0 };

  // ---- what is left of an image by the rules of the gallery
  const objectsOf = (shot) => (shot.o ?? []).flatMap((object, index) => {
    const { rules, data } = model, now = quantgate.now(object, rules.threshold, data.hysteresis);
    const seen = [object.p, object.q].filter(Boolean);
    const area = Math.max(...seen.map(([, , x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0))) / (shot.z[0] * shot.z[1] || 1);
    const size = area < 0.01 ? "small" : area < 0.1 ? "medium" : "large";
    const side = Math.sqrt(area * shot.z[0] * shot.z[1]), score = Math.max(...seen.map(([, one]) => one));
    const fits = now && (!rules.change || now === rules.change)
      && between(score, rules.score) && between(side, rules.side)
      && (!rules.label || seen.some(([label]) => data.labels[label] === rules.label))
      && (!rules.size || size === rules.size)
      && (!rules.pair || pairOf(object, now) === rules.pair);
    return fits ? [{ object, now, index }] : [];
  });
  const between = (value, [least, most]) => value >= least && value <= most;
  const bounded = (rule) => rule[0] > -Infinity || rule[1] < Infinity;
  const pairOf = (object, now) => {
    const name = (seen) => model.data.labels[seen[0]];
    if (now === "relabelled") return `${name(object.p)} → ${name(object.q)}`;
    return now === "lost" ? `${name(object.p)} → nothing` : now === "gained" ? `nothing → ${name(object.q)}` : "";
  };
  const barsPair = ({ a }) => (a?.[0]?.length && a[1]?.length ? `${model.data.labels[a[0][0][0]]} → ${model.data.labels[a[1][0][0]]}` : "");
  const fits = (shot) => {
    const { rules } = model;
    if (rules.text && !`${shot.n} ${shot.s}`.toLowerCase().includes(rules.text)) return false;
    if (rules.group && !shot.g?.includes(rules.group)) return false;
    if (shot.k === "classes") return between(shot.a?.[1]?.[0]?.[1] ?? 0, rules.score) && (!rules.pair || barsPair(shot) === rules.pair) && (!rules.label || (shot.a ?? []).some((bars) => bars.length && model.data.labels[bars[0][0]] === rules.label));
    if (shot.k !== "objects") return true;
    const left = objectsOf(shot);
    return rules.change || rules.label || rules.size || rules.pair || bounded(rules.score) || bounded(rules.side) ? left.length > 0 : left.some(({ now }) => now !== "kept") || rules.threshold === model.data.threshold;
  };

  // ---- gallery
  quantgate.gallery = async (root) => {
    galleries.clear();
    model = null;
    for (const box of all(".gallery", root)) await enliven(box);
    // The worst stand in the answer as they do in the gallery: the page holds each photograph once.
    all(".answer [data-place]", root).forEach((link) => {
      const figure = all(`#${link.dataset.gallery}-gallery .shot[data-place="${link.dataset.place}"] figure:not(.whole)`, root).at(-1);
      if (figure) link.prepend(figure.cloneNode(true));
    });
    model = [...galleries.values()][0] ?? null;
  };
  const enliven = async (box) => {
    const data = await quantgate.unpacked(box.querySelector("script.shots")), id = box.dataset.id;
    const own = { id, data, box, kept: [], places: new Map(data.pictures.map(({ n }, i) => [n, i])),
      rules: { threshold: data.threshold, change: "", label: "", size: "", pair: "", text: "", group: "", score: [-Infinity, Infinity], side: [-Infinity, Infinity] } };
    own.cards = all(".shot", box);
    own.limit = own.cards.length;
    galleries.set(id, model = own);
    tools();
    own.cards.forEach(alive);
    box.querySelector(".more").addEventListener("click", within(own, () => ((own.limit += BATCH), apply())));
    apply();
  };
  const alive = (card) => {
    const { id } = model, open = () => quantgate.show(+card.dataset.place, id);
    const button = make("button", { type: "button", className: "enlarge", title: "Open the image", onclick: open }, make("span", { className: "vh", textContent: `Open ${model.data.pictures[card.dataset.place].n}` }));
    card.querySelector(".panes").append(button);
  };
  const card = (place) => {
    const shot = model.data.pictures[place], file = shot.f?.at(-1);
    const image = file && make("img", { src: file, alt: shot.n, loading: "lazy" });
    if (image) image.onerror = () => image.replaceWith(absent());
    const made = make("li", { className: `shot ${shot.k}` },
      make("div", { className: "panes" }, make("figure", {}, image || absent()), ...(shot.w ? [make("figure", { className: "whole" }, make("img", { src: shot.w, alt: `${shot.n}, in its whole image`, loading: "lazy" }))] : [])),
      make("p", {}, make("b", { textContent: `${place + 1}. ${shot.n}` }), ` ${shot.s}${shot.t ? ` · annotated: ${shot.t}` : ""}`));
    made.dataset.place = place;
    alive(made);
    return made;
  };
  const absent = () => make("span", { className: "absent", textContent: "no photograph here: it was over report.budget_mb, or the files beside the page are missing" });

  const tools = () => {
    const own = model, { data, box, rules } = own, counts = {}, labels = new Set();
    const objects = data.pictures.some(({ k }) => k === "objects");
    data.pictures.forEach((shot) => {
      (shot.o ?? []).forEach(({ c, p, q }) => {
        counts[c] = (counts[c] ?? 0) + 1;
        if (c !== "kept") [p, q].forEach((seen) => seen && labels.add(data.labels[seen[0]]));
      });
      (shot.a ?? []).forEach((bars) => bars.length && labels.add(data.labels[bars[0][0]]));
    });
    const select = (title, name, values) => make("label", {}, `${title} `, Object.assign(make("select", { name, oninput: within(own, (event) => ((rules[name] = event.target.value), apply())) },
      make("option", { value: "", textContent: "all" }), ...values.map(([value, text]) => make("option", { value, textContent: text ?? value })))));
    // Two bounds; an empty one is none.
    const span = (title, name, step, max = "") => make("span", { className: "span" }, `${title} `, ...["least", "most"].map((word, i) => {
      const input = make("input", { type: "number", name: `${name}-${word}`, min: 0, max, step, placeholder: i ? "to" : "from",
        oninput: within(own, (event) => ((rules[name][i] = event.target.value === "" ? [-Infinity, Infinity][i] : +event.target.value), apply())) });
      input.setAttribute("aria-label", `${title}, ${word}`);
      return input;
    }));
    const found = make("input", { type: "search", placeholder: "Image name contains", oninput: within(own, (event) => ((rules.text = event.target.value.trim().toLowerCase()), apply())) });
    found.setAttribute("aria-label", "Image name contains");
    const parts = [found];
    if (objects) parts.push(
      select("Change", "change", quantgate.order.filter((name) => counts[name]).map((name) => [name, `${name} (${counts[name]})`])),
      select("Size", "size", [["small", "small, under 1 %"], ["medium", "medium, under 10 %"], ["large", "large"]]));
    const groups = [...new Set(data.pictures.flatMap(({ g }) => g ?? []))].sort();
    if (groups.length) parts.push(select("Segment", "group", groups.map((name) => [name, `${name} (${data.pictures.filter(({ g }) => g?.includes(name)).length})`])));
    if (labels.size) parts.push(span("Score", "score", 0.01, 1));
    if (objects) parts.push(span("Side, px", "side", 1));
    if (labels.size) parts.push(select("Class", "label", [...labels].sort().map((name) => [name])));
    if (objects) parts.push(slider());
    const bar = box.querySelector(".tools");
    bar.append(...parts, make("span", { className: "count", role: "status" }));
    bar.after(make("div", { className: "pairs js-only" }));
  };
  const slider = () => {
    const output = make("output"), input = make("input", { type: "range", className: "threshold", min: 0, max: 1, step: 0.01, value: model.rules.threshold });
    input.addEventListener("input", within(model, () => threshold(+input.value)));
    output.textContent = model.rules.threshold.toFixed(2);
    return make("label", { className: "thr" }, "Score threshold ", input, " ", output);
  };
  // One threshold for all images: gallery and viewer move together.
  const threshold = (value) => {
    model.rules.threshold = value;
    [...all(".threshold", model.box), ...all(".threshold", dialog)].forEach((input) => {
      input.value = value;
      input.parentNode.querySelector("output").textContent = value.toFixed(2);
    });
    apply();
  };
  const tally = (objects) => {
    const n = (name) => objects.filter(({ now }) => now === name).length;
    const matches = n("kept") + n("moved"), b = matches + n("relabelled") + n("lost"), a = matches + n("relabelled") + n("gained");
    return `A (optimized) ${a} · B (parent) ${b} · matches ${matches} · ${n("lost")} lost · ${n("gained")} gained · ${n("moved")} moved · ${n("relabelled")} relabelled`;
  };
  const apply = () => {
    const { data, box } = model, list = box.querySelector(".cards-of"), more = box.querySelector(".more");
    model.kept = data.pictures.flatMap((shot, place) => (fits(shot) ? [place] : []));
    const now = model.kept.slice(0, model.limit);
    const have = new Map(model.cards.map((one) => [+one.dataset.place, one]));
    list.replaceChildren(...now.map((place) => have.get(place) ?? card(place)));
    const left = model.kept.length - now.length;
    more.hidden = left <= 0;
    more.textContent = `Show ${Math.min(left, BATCH)} more of ${left.toLocaleString("en-US")}`;
    const said = data.pictures.some(({ k }) => k === "objects") ? ` · ${tally(model.kept.flatMap((place) => objectsOf(data.pictures[place])))}` : "";
    box.querySelector(".count").textContent = `${model.kept.length.toLocaleString("en-US")} of ${data.pictures.length.toLocaleString("en-US")} images${said}`;
    confusion();
    if (dialog.open) render();
  };
  const confusion = () => {
    const own = model, { data, box, rules } = own, pairs = new Map();
    data.pictures.forEach((shot) => {
      if (shot.k === "classes") return pairs.set(barsPair(shot), (pairs.get(barsPair(shot)) ?? 0) + 1);
      (shot.o ?? []).forEach((object) => {
        const pair = pairOf(object, quantgate.now(object, rules.threshold, data.hysteresis));
        if (pair) pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
      });
    });
    const listed = [...pairs].sort((one, other) => other[1] - one[1]).slice(0, 14);
    const focused = document.activeElement?.dataset?.pair;
    const buttons = listed.map(([pair, n]) => {
      const button = make("button", { type: "button", onclick: within(own, () => ((rules.pair = rules.pair === pair ? "" : pair), apply())) }, `${pair} `, make("b", { textContent: n }));
      button.dataset.pair = pair;
      button.setAttribute("aria-pressed", String(rules.pair === pair));
      return button;
    });
    const row = box.querySelector(".pairs");
    row.replaceChildren(...(listed.length ? [make("span", { textContent: `${data.roles[0]} → ${data.roles[1].toLowerCase()}` }), ...buttons] : []));
    if (focused) buttons.find((button) => button.dataset.pair === focused)?.focus();
  };

  // ---- viewer
  const images = new Map();
  const imageOf = (file) => {
    if (!file) return null;
    if (!images.has(file)) {
      const image = new Image();
      image.onload = () => dialog.open && paint();
      image.onerror = () => {
        image.failed = true;
        if (dialog.open) render();
      };
      image.src = all("img[data-file]", model.box).find((one) => one.dataset.file === file)?.src ?? file;
      if (images.size > 40) images.delete(images.keys().next().value);
      images.set(file, image);
    }
    return images.get(file);
  };
  const ready = (image) => (image?.complete && image.naturalWidth ? image : null);
  const fileOf = (shot, role) => (shot.f?.length > 1 ? shot.f[["parent", "optimized", "diff"].indexOf(role)] : shot.f?.[0]);
  const shot = () => model.data.pictures[shown.at];
  quantgate.pictures = {
    has: (id, name) => Boolean(galleries.get(id)?.places.has(name)),
    open: (id, name) => quantgate.show(galleries.get(id).places.get(name), id),
  };
  quantgate.show = (place, id = model?.id) => {
    model = galleries.get(id) ?? model;
    if (!model?.data.pictures[place]) return;
    shown.at = place;
    shown.lit = null;
    shown.back ??= document.activeElement;
    if (!dialog.open) dialog.showModal();
    history.replaceState(null, "", `#${model.id}-p${place}`);
    const only = shot().k === "classes";
    if (only) shown.view = "side";
    views.forEach((button) => (button.hidden = only && button.dataset.view !== "side"));
    press(views, views.find((button) => button.dataset.view === shown.view));
    dialog.querySelector("#viewer-name").textContent = shot().n;
    render();
    fit(); // the header stands, and with it the size of the panes
    paint();
    stage.focus({ preventScroll: true });
    [1, -1].forEach((step) => imageOf(model.data.pictures[model.kept[model.kept.indexOf(place) + step]]?.f?.[0]));
  };
  dialog.addEventListener("close", () => {
    clearInterval(shown.timer);
    // This event comes a moment after the dialog closed: another image may have been asked for by then.
    if (!model || dialog.open) return;
    const back = shown.back;
    shown.back = null;
    if (location.hash !== `#${model.id}-p${shown.at}`) return;
    history.replaceState(null, "", `#${model.id.split("-")[0]}`);
    const own = model.box.querySelector(`[data-place="${shown.at}"]`);
    (own?.querySelector(".enlarge") ?? (back?.isConnected ? back : null))?.focus({ preventScroll: Boolean(own && back?.isConnected && own.contains(back)) });
  });
  const step = (by) => {
    const at = model.kept.indexOf(shown.at), next = model.kept[at < 0 ? 0 : at + by];
    if (next !== undefined) quantgate.show(next);
  };
  const roles = () => {
    if (shot().k === "classes") return ["image"];
    if (shown.view === "side") return innerWidth < 760 ? ["diff", "parent", "optimized"] : ["parent", "optimized", "diff"];
    return shown.view === "swipe" || shown.view === "blink" ? ["both"] : [shown.view];
  };
  const fit = () => {
    layout();
    const pane = stage.querySelector("canvas"), [w, h] = shot().z;
    shown.k = Math.min(pane.clientWidth / w, pane.clientHeight / h) || 1;
    shown.x = (pane.clientWidth - w * shown.k) / 2;
    shown.y = (pane.clientHeight - h * shown.k) / 2;
  };
  // As many panes beside each other as show the image largest.
  const arrange = (count) => {
    const [w, h] = shot().z, { clientWidth, clientHeight } = stage;
    const scale = (columns) => Math.min(clientWidth / columns / w, clientHeight / Math.ceil(count / columns) / h);
    const best = [3, 2, 1].filter((columns) => columns <= count).reduce((a, b) => (scale(b) > scale(a) * 1.05 ? b : a));
    stage.style.gridTemplateColumns = `repeat(${best}, minmax(0, 1fr))`;
    stage.style.gridTemplateRows = `repeat(${Math.ceil(count / best)}, minmax(0, 1fr))`;
  };
  const layout = () => {
    const wanted = roles();
    stage.className = `stage ${shown.view} n${wanted.length}`;
    arrange(wanted.length);
    const key = [model.id, ...wanted].join();
    if (stage.dataset.key === key) return;
    stage.dataset.key = key;
    stage.replaceChildren(...wanted.map((role) => {
      const canvas = make("canvas"), figure = make("figure", {}, make("figcaption", { textContent: title(role) }), canvas);
      canvas.setAttribute("aria-hidden", "true");
      figure.dataset.role = role;
      return figure;
    }));
  };
  const title = (role) => {
    const [parent, optimized] = model.data.roles;
    return { parent, optimized, diff: "Diff", image: "Image", both: `${parent} and ${optimized.toLowerCase()}` }[role];
  };
  const paint = () => {
    const one = shot(), state = { view: { k: shown.k, x: shown.x, y: shown.y }, objects: objectsOf(one).sort((a, b) => quantgate.order.indexOf(a.now) - quantgate.order.indexOf(b.now)), lit: shown.lit, labels: model.data.labels };
    all("figure", stage).forEach((figure) => {
      const canvas = figure.querySelector("canvas"), role = figure.dataset.role;
      const draw = (target, which) => quantgate.draw(target, ready(imageOf(fileOf(one, which))), one, which, state);
      if (role !== "both") return draw(canvas, role);
      if (shown.view === "blink") return draw(canvas, shown.second ? "optimized" : "parent");
      const other = make("canvas");
      draw(canvas, "parent");
      Object.defineProperties(other, { clientWidth: { value: canvas.clientWidth }, clientHeight: { value: canvas.clientHeight } });
      draw(other, "optimized");
      const context = canvas.getContext("2d"), x = Math.round((canvas.width * shown.swipe) / 100);
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(x, 0, canvas.width - x, canvas.height);
      context.drawImage(other, x, 0, other.width - x, other.height, x, 0, other.width - x, other.height);
      context.fillStyle = "#fff";
      context.fillRect(x - 1, 0, 3, canvas.height);
    });
    if (shown.view === "blink") all("figcaption", stage)[0].textContent = title(shown.second ? "optimized" : "parent");
  };
  shown.swipe = 50;
  const render = () => {
    const one = shot(), objects = objectsOf(one), at = model.kept.indexOf(shown.at);
    layout();
    dialog.querySelector(".at").textContent = at < 0 ? `not among the ${model.kept.length} chosen` : `${at + 1} of ${model.kept.length}`;
    dialog.querySelector("[data-do=previous]").disabled = at <= 0;
    dialog.querySelector("[data-do=next]").disabled = at >= model.kept.length - 1;
    const file = imageOf(one.f?.[0]);
    dialog.querySelector(".said").textContent = `${one.s}${one.t ? ` · annotated: ${one.t}` : ""}${!one.f || file?.failed ? ` · no photograph here${one.f ? `: it lies beside the page, in ${decodeURIComponent(one.f[0])}` : " (report.budget_mb)"}` : ""}`;
    const whole = dialog.querySelector("img.whole");
    whole.hidden = !one.w;
    if (one.w) whole.src = imageOf(one.w).src;
    dialog.querySelector(".thr").hidden = one.k !== "objects";
    dialog.querySelector(".thr input").value = model.rules.threshold;
    dialog.querySelector(".thr output").textContent = model.rules.threshold.toFixed(2);
    dialog.querySelector(".slide").hidden = shown.view !== "swipe";
    dialog.querySelector(".counts").textContent = one.k === "objects" ? tally(objects) : "";
    dialog.querySelector(".found").replaceChildren(...(one.k === "objects" ? [listed(objects)] : one.k === "classes" ? bars(one) : legend(one)));
    clearInterval(shown.timer);
    if (shown.view === "blink") shown.timer = setInterval(() => ((shown.second = !shown.second), paint()), 800);
    paint();
  };
  const listed = (objects) => {
    const { labels } = model.data;
    const cell = (seen) => (seen ? `${labels[seen[0]]} ${seen[1].toFixed(2)}` : "–");
    const rows = [...objects].sort((a, b) => quantgate.order.indexOf(a.now) - quantgate.order.indexOf(b.now)).map(({ object, now, index }) => {
      const light = (on) => () => ((shown.lit = on ? index : null), paint());
      const row = make("tr", { tabIndex: 0, className: now, onmouseenter: light(true), onmouseleave: light(false), onfocus: light(true), onblur: light(false) },
        make("td", {}, make("i", { className: "sw" }), `${now}${object.x && now === object.c ? " (crossed)" : ""}`), make("td", { textContent: cell(object.p) }), make("td", { textContent: cell(object.q) }), make("td", { className: "n", textContent: object.u?.toFixed(2) ?? "–" }));
      row.dataset.i = index;
      return row;
    });
    const head = (text) => {
      const cell = make("th", { textContent: text });
      cell.scope = "col";
      return cell;
    };
    return make("table", { className: "plain objects-table" }, make("thead", {}, make("tr", {}, head("Change"), head(title("parent")), head(title("optimized")), head(objects.some(({ object: { p, q } }) => (p ?? q)[7]?.length) ? "OKS" : "IoU"))), make("tbody", {}, ...rows));
  };
  const bars = ({ a }) => ["parent", "optimized"].map((name, role) => make("figure", { className: name }, make("figcaption", { textContent: title(name) }),
    make("ol", { className: "bars" }, ...(a?.[role] ?? []).map(([label, score]) => {
      const bar = make("i");
      bar.style.setProperty("--s", score);
      return make("li", {}, make("span", { textContent: model.data.labels[label] }), make("b", { textContent: score.toFixed(3) }), bar);
    }))));
  const legend = ({ l }) => [make("ul", { className: "legend" }, ...(l ?? []).map(([name, tone]) => {
    const swatch = make("i", { className: "sw" });
    swatch.style.background = tone;
    return make("li", {}, swatch, name);
  }))];

  const zoom = (by, x, y) => {
    const k = Math.min(40, Math.max(0.02, shown.k * by));
    shown.x = x - ((x - shown.x) * k) / shown.k;
    shown.y = y - ((y - shown.y) * k) / shown.k;
    shown.k = k;
    paint();
  };
  const middle = () => {
    const pane = stage.querySelector("canvas");
    return [pane.clientWidth / 2, pane.clientHeight / 2];
  };
  const choose = (view) => {
    if (shot().k === "classes") return;
    shown.view = view;
    press(views, views.find((button) => button.dataset.view === view));
    fit();
    render();
  };
  const acts = {
    previous: () => step(-1), next: () => step(1), close: () => dialog.close(),
    in: () => zoom(1.3, ...middle()), out: () => zoom(1 / 1.3, ...middle()), fit: () => (fit(), paint()),
    full: () => (document.fullscreenElement ? document.exitFullscreen() : dialog.querySelector(".frame").requestFullscreen?.()),
  };
  all("[data-do]", dialog).forEach((button) => button.addEventListener("click", () => acts[button.dataset.do]()));
  views.forEach((button) => button.addEventListener("click", () => choose(button.dataset.view)));
  dialog.querySelector(".threshold").addEventListener("input", (event) => threshold(+event.target.value));
  const swiper = dialog.querySelector(".swiper");
  swiper.addEventListener("input", () => ((shown.swipe = +swiper.value), paint()));
  stage.addEventListener("wheel", (event) => {
    const box = event.target.closest("figure")?.querySelector("canvas").getBoundingClientRect();
    if (!box) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.tagName !== "CANVAS") return;
    stage.setPointerCapture(event.pointerId);
    shown.drag = [event.clientX - shown.x, event.clientY - shown.y];
  });
  stage.addEventListener("pointermove", (event) => {
    const box = stage.querySelector("canvas")?.getBoundingClientRect();
    if (shown.view === "swipe" && box && !shown.drag) {
      shown.swipe = swiper.value = Math.round(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * 100);
      return paint();
    }
    if (!shown.drag) return;
    [shown.x, shown.y] = [event.clientX - shown.drag[0], event.clientY - shown.drag[1]];
    paint();
  });
  ["pointerup", "pointercancel"].forEach((name) => stage.addEventListener(name, () => (shown.drag = null)));
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
    const act = { ArrowLeft: "previous", k: "previous", ArrowRight: "next", j: "next", "+": "in", "=": "in", "-": "out", 0: "fit", f: "full" }[event.key];
    const view = views[+event.key - 1]?.dataset.view;
    if (!act && !view) return;
    event.preventDefault();
    if (act) acts[act]();
    else choose(view);
  });
  addEventListener("resize", () => dialog.open && (fit(), render()));
})();

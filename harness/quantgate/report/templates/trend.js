"use strict";
(() => {
  const { runs, machines, models } = JSON.parse(document.getElementById("data").textContent);
  const cards = document.getElementById("cards"), tip = document.getElementById("tip");
  const form = document.querySelector(".pick");
  const SVG = "http://www.w3.org/2000/svg", W = 290, H = 96, LEFT = 42, PAD = 6;
  const make = (name, attributes, ...children) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const html = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const shown = (value, kind) => {
    const text = {
      factor: () => `${value.toFixed(2)}×`, percent: () => `${(value * 100).toFixed(1)} %`,
      decibel: () => `${value.toFixed(1)} dB`, fraction: () => value.toFixed(3),
    }[kind]?.() ?? String(Number(value.toPrecision(3)));
    return text.replace(/^-(0\.?0*)(?![\d.])/, "$1").replaceAll("-", "−");
  };
  const night = (run) => new Date(runs[run][0] * 1000).toISOString().slice(0, 10);

  // ---- the packed numbers of one model: see trend_data.py
  const unpack = async ({ data, series }) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const view = new DataView(await new Response(stream).arrayBuffer());
    let at = 0;
    return series.map(({ n, low, high, half }) => {
      const points = [];
      let run = 0;
      for (let i = 0; i < n; i++) {
        run += view.getUint32(at + 4 * i, true);
        const value = low + (view.getUint16(at + 4 * n + 2 * i, true) / 65535) * (high - low);
        const below = (view.getUint8(at + 6 * n + i) / 255) * half;
        const above = (view.getUint8(at + 7 * n + i) / 255) * half;
        points.push({ run, value, low: value - below, high: value + above, at: runs[run][0] });
      }
      at += Math.ceil((8 * n) / 4) * 4;
      return points;
    });
  };

  // ---- one chart
  const placed = ({ isa, machine, stack }) => [isa, machine, stack === "default" ? "" : stack].filter(Boolean).join(" · ");
  const places = new Set(models.flatMap(({ series }) => series.map(placed)));
  const times = [Math.min(...runs.map((run) => run[0])), Math.max(...runs.map((run) => run[0]))];
  const x = (at) => LEFT + ((at - times[0]) / (times[1] - times[0] || 1)) * (W - LEFT - PAD);
  const path = (points) => points.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");
  const chart = (one, points) => {
    const limits = one.limits.filter(([, limit]) => limit !== null).map(([, limit]) => limit);
    const range = one.high - one.low || Math.abs(one.high) * 0.02 || 1;
    const near = limits.filter((limit) => limit > one.low - 1.5 * range && limit < one.high + 1.5 * range);
    let bottom = Math.min(one.low, ...near), top = Math.max(one.high, ...near);
    const spare = Math.max((top - bottom) * 0.12, Math.min(one.half, range / 2)) || range / 2;
    [bottom, top] = [bottom - spare, top + spare];
    const y = (value) => PAD + (1 - (Math.min(top, Math.max(bottom, value)) - bottom) / (top - bottom)) * (H - 2 * PAD);
    const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, role: one.changes.length ? "group" : "img", "aria-label": `${one.title}: ${shown(points.at(-1).value, one.form)} on ${night(points.at(-1).run)}` });
    const cuts = [0, ...one.segments, points.length];
    cuts.slice(1).forEach((end, i) => {
      const part = points.slice(cuts[i], end);
      const band = [...part.map((p) => [x(p.at), y(p.high)]), ...part.map((p) => [x(p.at), y(p.low)]).reverse()];
      svg.append(make("path", { class: "band", d: `${path(band)}Z` }));
      svg.append(make("path", { class: "est", d: part.length > 1 ? path(part.map((p) => [x(p.at), y(p.value)])) : "" }));
      if (part.length === 1) svg.append(make("circle", { class: "dot", cx: x(part[0].at), cy: y(part[0].value), r: 1.6 }));
    });
    one.segments.forEach((place) => {
      const at = (x(points[place].at) + x(points[place - 1].at)) / 2;
      svg.append(make("line", { class: "ends", x1: at, x2: at, y1: 0, y2: H }, make("title", {}, "Data or manifest entry changed: not compared across")));
    });
    one.limits.forEach(([place, limit], i) => {
      if (limit === null || !near.includes(limit)) return;
      const end = one.limits[i + 1]?.[0] ?? points.length - 1;
      svg.append(make("path", { class: "lim", d: `M${x(points[place].at).toFixed(1)} ${y(limit).toFixed(1)}H${x(points[end].at).toFixed(1)}` }));
    });
    [one.high, one.low].forEach((value, i) => svg.append(make("text", { x: LEFT - 5, y: y(value) + (one.high === one.low ? 3 : i ? 6 : 3), "text-anchor": "end" }, i && one.high === one.low ? "" : shown(value, one.form))));
    const dot = make("circle", { class: "dot", r: 2.6, visibility: "hidden" });
    svg.append(dot);
    one.changes.forEach(([place, id, kind, said]) => {
      const at = x(points[place].at);
      const mark = make("g", { class: `mark ${kind}` }, make("title", {}, `${night(points[place].run)}${said && `: ${said}`}`), make("line", { x1: at, x2: at, y1: 2, y2: H - 2 }), make("circle", { cx: at, cy: 5, r: 4 }));
      svg.append(id ? make("a", { href: `#${id}`, "aria-label": `${said || "Change"}, ${night(points[place].run)}` }, mark) : mark);
    });
    const nearest = (event) => {
      const box = svg.getBoundingClientRect();
      const wanted = ((event.clientX - box.left) / box.width) * W;
      return points.reduce((best, p) => (Math.abs(x(p.at) - wanted) < Math.abs(x(best.at) - wanted) ? p : best));
    };
    svg.addEventListener("pointermove", (event) => {
      const p = nearest(event);
      dot.setAttribute("cx", x(p.at)), dot.setAttribute("cy", y(p.value)), dot.setAttribute("visibility", "visible");
      const interval = p.low === p.high ? "exact" : `[${shown(p.low, one.form)}, ${shown(p.high, one.form)}]`;
      tip.textContent = `${night(p.run)}  ${shown(p.value, one.form)} ${interval}\n${runs[p.run][1]} ${runs[p.run][2]}`;
      tip.hidden = false;
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 310)}px`;
      tip.style.top = `${event.clientY + 16}px`;
    });
    svg.addEventListener("pointerleave", () => ((tip.hidden = true), dot.setAttribute("visibility", "hidden")));
    svg.addEventListener("click", (event) => {
      if (event.target.closest("a")) return;
      const link = runs[nearest(event).run][3];
      if (link) location.href = link;
    });
    const off = limits.length && !near.length ? `limit ${shown(limits.at(-1), one.form)} is off the scale` : "";
    const place = placed(one);
    return html("figure", { className: "chart" }, html("figcaption", {}, html("b", { textContent: one.title }), html("small", { textContent: [off, off && places.size < 2 ? "" : place].filter(Boolean).join("; "), title: place })), svg);
  };

  // ---- models, drawn when they come into view
  const fits = (one, wanted) => ["quantity", "machine", "stack"].every((name) => !wanted[name] || one[name] === wanted[name]) && (!wanted.moved || one.changes.length > 0);
  const wanted = () => ({ ...Object.fromEntries(new FormData(form)), moved: form.elements.moved.checked });
  const draw = async (card) => {
    if (card.drawn) return;
    card.drawn = true;
    const points = await unpack(card.model);
    const grid = html("div", { className: "multiples" });
    card.charts = card.model.series.map((one, i) => grid.appendChild(chart(one, points[i])));
    card.append(grid);
    choose(card, wanted());
  };
  const choose = (card, rules) => {
    const kept = card.model.series.map((one) => fits(one, card.rules?.(rules) ?? rules));
    card.charts?.forEach((figure, i) => (figure.hidden = !kept[i]));
    const named = card.model.name.toLowerCase().includes((rules.model ?? "").toLowerCase());
    card.hidden = !(named && kept.some(Boolean));
    return card.hidden ? 0 : kept.filter(Boolean).length;
  };
  const seen = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
    if (isIntersecting) seen.unobserve(target), draw(target);
  }), { rootMargin: "500px" });
  const all = models.map((model) => {
    const card = html("article", { className: "fleet", model }, html("h3", { textContent: model.name }));
    seen.observe(card);
    return card;
  });
  cards.append(...all);
  // The machines' controls: whatever model or quantity is looked at, they stay in view.
  const controls = machines && html("article", { className: "fleet", model: machines, rules: ({ machine, stack }) => ({ machine, stack }) });
  if (controls) document.getElementById("controls").append(controls), draw(controls);
  document.getElementById("models").append(...models.slice(0, 1000).map(({ name }) => html("option", { value: name })));
  const total = models.reduce((sum, { series }) => sum + series.length, 0);
  const filter = () => {
    const rules = wanted();
    const count = all.reduce((sum, card) => sum + choose(card, rules), 0);
    if (controls) choose(controls, { ...rules, model: "" });
    form.querySelector(".count").textContent = `${count.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} series`;
    document.querySelectorAll(".moves tbody tr").forEach((row) => {
      const named = row.dataset.model.toLowerCase().includes((rules.model ?? "").toLowerCase());
      row.hidden = !(named && ["quantity", "machine", "stack"].every((name) => !rules[name] || row.dataset[name] === rules[name]));
    });
  };
  form.elements.moved.checked = total > 200 && models.some(({ rank }) => rank > 0);
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("beforeprint", () => all.filter((card) => !card.hidden).forEach(draw));
  filter();
})();

"use strict";
(() => {
  const { runs, machines, models } = JSON.parse(document.getElementById("data").textContent);
  const cards = document.getElementById("cards"), tip = document.getElementById("tip");
  const form = document.querySelector(".pick");
  const SVG = "http://www.w3.org/2000/svg", H = 168, LEFT = 52, PAD = 8, AXIS = 22, DAY = 86400, LEAST = 460, GAP = 24;
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
  // Days, weeks, months or years: as many dates as stand beside each other.
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const dates = (width) => {
    const days = (times[1] - times[0]) / DAY, most = Math.max(2, Math.floor(width / 76));
    const step = [1, 2, 7, 14].find((n) => days / n <= most);
    const at = [], from = new Date(times[0] * 1000);
    if (step) {
      for (let t = Math.ceil(times[0] / DAY / step) * step * DAY; t <= times[1]; t += step * DAY) at.push(t);
    } else {
      const months = [1, 2, 3, 6, 12, 24, 60, 120].find((n) => days / 30.4 / n <= most) ?? 240;
      for (let n = Math.ceil((from.getUTCFullYear() * 12 + from.getUTCMonth() + 1) / months) * months; ; n += months) {
        const t = Date.UTC(Math.floor(n / 12), n % 12) / 1000;
        if (t > times[1]) break;
        at.push(t);
      }
    }
    let year = "";
    return (at.length ? at : [times[0]]).map((t) => {
      const date = new Date(t * 1000), own = String(date.getUTCFullYear()), named = own !== year;
      year = own;
      return [t, `${step ? `${date.getUTCDate()} ` : ""}${MONTHS[date.getUTCMonth()]}${named ? ` ${own}` : ""}`];
    });
  };
  const path = (points) => points.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");
  const chart = (one, points, W) => {
    const x = (at) => LEFT + ((at - times[0]) / (times[1] - times[0] || 1)) * (W - LEFT - PAD);
    const limits = one.limits.filter(([, limit]) => limit !== null).map(([, limit]) => limit);
    const range = one.high - one.low || Math.abs(one.high) * 0.02 || 1;
    // To scale, as long as the series keeps a quarter of the height; else as a distance at the edge.
    const near = limits.filter((limit) => limit > one.low - 3 * range && limit < one.high + 3 * range);
    let bottom = Math.min(one.low, ...near), top = Math.max(one.high, ...near);
    const spare = Math.max((top - bottom) * 0.12, Math.min(one.half, range / 2)) || range / 2;
    [bottom, top] = [bottom - spare, top + spare];
    const floor = H - AXIS;
    const y = (value) => PAD + (1 - (Math.min(top, Math.max(bottom, value)) - bottom) / (top - bottom)) * (floor - 2 * PAD);
    const last = points.at(-1), limit = one.limits.at(-1)?.[1] ?? null, say = (value) => shown(value, one.form);
    const away = limit === null ? "" : `limit ${say(limit)}, ${say(Math.abs(limit - last.value))} ${limit > last.value ? "above" : "below"} the latest`;
    const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, tabindex: 0, role: "group", "aria-label": `${one.title}: ${say(last.value)} on ${night(last.run)}${away && `, ${away}`}. Left and right move from night to night, Enter opens the report` });
    let free = 0;
    dates(W - LEFT).forEach(([at, text]) => {
      svg.append(make("line", { class: "grid", x1: x(at), x2: x(at), y1: PAD, y2: floor }));
      if (x(at) < free) return;
      const end = x(at) > W - 40, label = make("text", { x: end ? W : x(at), y: H - 6, "text-anchor": end ? "end" : x(at) < LEFT + 20 ? "start" : "middle" }, text);
      free = x(at) + 6.5 * text.length + 8;
      svg.append(label);
    });
    svg.append(make("line", { class: "axis", x1: LEFT, x2: W - PAD, y1: floor, y2: floor }));
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
      svg.append(make("line", { class: "ends", x1: at, x2: at, y1: 0, y2: floor }, make("title", {}, "Data or manifest entry changed: not compared across")));
    });
    one.limits.forEach(([place, value], i) => {
      if (value === null) return;
      const end = one.limits[i + 1]?.[0] ?? points.length - 1, scaled = near.includes(value);
      const level = scaled ? y(value) : value > one.high ? 2 : floor - 2;
      svg.append(make("path", { class: scaled ? "lim" : "lim far", d: `M${x(points[place].at).toFixed(1)} ${level.toFixed(1)}H${Math.max(x(points[end].at), x(points[place].at) + 6).toFixed(1)}` }));
    });
    [one.high, one.low].forEach((value, i) => svg.append(make("text", { x: LEFT - 6, y: y(value) + (one.high === one.low ? 3 : i ? 6 : 3), "text-anchor": "end" }, i && one.high === one.low ? "" : say(value))));
    const dot = make("circle", { class: "dot", r: 3, visibility: "hidden" });
    svg.append(dot);
    one.changes.forEach(([place, id, kind, said]) => {
      const at = x(points[place].at);
      const mark = make("g", { class: `mark ${kind}` }, make("title", {}, `${night(points[place].run)}${said && `: ${said}`}`), make("line", { x1: at, x2: at, y1: 2, y2: floor }), make("circle", { cx: at, cy: 5, r: 4 }));
      svg.append(id ? make("a", { href: `#${id}`, "aria-label": `${said || "Change"}, ${night(points[place].run)}` }, mark) : mark);
    });
    let at = points.length - 1;
    const tell = (left, under) => {
      const p = points[at];
      dot.setAttribute("cx", x(p.at)), dot.setAttribute("cy", y(p.value)), dot.setAttribute("visibility", "visible");
      const interval = p.low === p.high ? "exact" : `[${say(p.low)}, ${say(p.high)}]`;
      tip.textContent = `${night(p.run)}  ${say(p.value)} ${interval}\n${runs[p.run][1]} ${runs[p.run][2]}`;
      tip.hidden = false;
      tip.style.left = `${Math.max(4, Math.min(left + 14, innerWidth - 310))}px`;
      tip.style.top = `${under + 16}px`;
    };
    const quiet = () => ((tip.hidden = true), dot.setAttribute("visibility", "hidden"));
    const nearest = (event) => {
      const box = svg.getBoundingClientRect(), wanted = ((event.clientX - box.left) / box.width) * W;
      return points.reduce((best, p, i) => (Math.abs(x(p.at) - wanted) < Math.abs(x(points[best].at) - wanted) ? i : best), 0);
    };
    const follow = () => runs[points[at].run][3] && (location.href = runs[points[at].run][3]);
    svg.addEventListener("pointermove", (event) => ((at = nearest(event)), tell(event.clientX, event.clientY)));
    svg.addEventListener("pointerleave", quiet);
    svg.addEventListener("blur", quiet);
    svg.addEventListener("click", (event) => event.target.closest("a") || ((at = nearest(event)), follow()));
    svg.addEventListener("keydown", (event) => {
      if (event.target !== svg) return;
      if (event.key === "Enter") return follow();
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: points.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      at = Math.max(0, Math.min(points.length - 1, to));
      const box = svg.getBoundingClientRect();
      tell(box.left + (x(points[at].at) / W) * box.width, box.top + (y(points[at].value) / H) * box.height);
    });
    const place = placed(one), link = runs[last.run][3], text = night(last.run);
    const latest = link ? html("a", { href: link, textContent: text, title: `Report of ${runs[last.run][1]}` }) : text;
    return html("figure", { className: "chart" }, html("figcaption", {}, html("b", { textContent: one.title }), html("small", {}, `${say(last.value)} on `, latest), html("small", { textContent: away }), html("small", { className: "place", textContent: places.size < 2 ? "" : place, title: place })), svg);
  };

  // ---- models, drawn when they come into view
  const fits = (one, wanted) => ["quantity", "machine", "stack"].every((name) => !wanted[name] || one[name] === wanted[name]) && (!wanted.moved || one.changes.length > 0);
  const wanted = () => ({ ...Object.fromEntries(new FormData(form)), moved: form.elements.moved.checked });
  const draw = async (card) => {
    if (card.drawn) return;
    card.drawn = true;
    const points = await unpack(card.model);
    const grid = html("div", { className: "multiples" });
    card.append(grid);
    // Drawn as wide as it is shown, so that text keeps its size.
    const room = grid.clientWidth || LEAST, count = Math.max(1, Math.floor((room + GAP) / (LEAST + GAP)));
    const width = Math.round((room - (count - 1) * GAP) / count);
    card.charts = card.model.series.map((one, i) => grid.appendChild(chart(one, points[i], width)));
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

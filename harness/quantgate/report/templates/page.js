"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const facts = (element, kind) => JSON.parse(element.querySelector(`script.${kind}`).textContent);
  const press = (buttons, chosen) =>
    buttons.forEach((b) => b.setAttribute("aria-pressed", String(b === chosen)));

  // ---- light and dark
  const root = document.documentElement;
  document.querySelector(".theme")?.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // ---- tables
  const missing = "–";
  const shown = (value, kind) => {
    if (value === null || value === undefined) return missing;
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (typeof value === "string") return value === "inf" ? "∞" : value === "-inf" ? "−∞" : value;
    if (kind === "fraction" || kind === "score")
      return value.toFixed(3).replace(/^-(0\.0*)$/, "$1").replace("-", "−");
    if (Number.isInteger(value)) return value.toLocaleString("en-US");
    const size = Math.abs(value);
    if (size >= 9999.5 && size < 1e9) return Math.round(value).toLocaleString("en-US").replace("-", "−");
    const text = size && (size < 1e-4 || size >= 1e4) ? value.toExponential(3) : String(Number(value.toPrecision(4)));
    return text.replace(/\.?0*e\+?/, "e").replaceAll("-", "−");
  };
  const number = (value) =>
    value === "inf" ? Infinity : value === "-inf" ? -Infinity : value;
  // One small language for numbers: >0.5  >=0.5  <3  <=3  !=0  1..5  = (empty)  7
  const numeric = (text) => {
    const t = text.replaceAll("−", "-").replaceAll(",", "").trim();
    if (t === "=") return (v) => v === null;
    const range = t.match(/^(-?[\d.]+)\s*\.\.\s*(-?[\d.]+)$/);
    if (range) return (v) => v !== null && v >= +range[1] && v <= +range[2];
    const rule = t.match(/^(>=|<=|!=|>|<|=)?\s*(-?\d*\.?\d+)$/);
    if (!rule) return () => true;
    const limit = +rule[2];
    const test = {
      ">=": (v) => v >= limit, "<=": (v) => v <= limit, "!=": (v) => v !== limit,
      ">": (v) => v > limit, "<": (v) => v < limit,
    }[rule[1]] ?? ((v) => v === limit);
    return (v) => v !== null && test(v);
  };
  const tests = new Map();
  const passes = (text, value, _row, { kind }) => {
    if (kind === "text") return String(value ?? "").toLowerCase().includes(text.toLowerCase());
    if (!tests.has(text)) tests.set(text, numeric(text));
    return tests.get(text)(number(value));
  };
  const order = (a, b) => (a === null ? -1 : number(a)) - (b === null ? -1 : number(b));

  const pictures = new Map(all(".pic").map((p) => [p.id.split("-")[0] + "\n" + p.dataset.name, p.id]));
  const build = (box) => {
    if (box.dataset.built) return;
    box.dataset.built = "1";
    const { columns, rows, erroneous } = facts(box, "rows");
    const wrong = new Set(erroneous);
    const data = rows.map((row, i) => {
      const item = { id: i, wrong: wrong.has(i) };
      row.forEach((value, c) => (item[`c${c}`] = value));
      return item;
    });
    const cell = (kind, c) => (one) => {
      const text = shown(one.getValue(), kind);
      const target = c === 0 && pictures.get(box.dataset.model + "\n" + text);
      if (!target) return document.createTextNode(text);
      const button = Object.assign(document.createElement("button"), { className: "see", type: "button", textContent: text });
      button.title = "Show the picture";
      button.addEventListener("click", () => show(target));
      return button;
    };
    const grid = box.querySelector(".grid");
    const only = box.querySelector(".only");
    const count = box.querySelector(".count");
    grid.style.maxWidth = `${columns.reduce((sum, [, kind], c) => sum + (c === 0 || kind === "text" ? 300 : 190), 0)}px`;
    const table = new Tabulator(grid, {
      data,
      layout: "fitColumns",
      pagination: true,
      paginationElement: box.querySelector(".pager"),
      paginationSize: 10,
      paginationSizeSelector: [10, 25, 50, 100],
      placeholder: "No row fits the filters",
      keybindings: false,
      rowFormatter: (row) => row.getElement().classList.toggle("wrong", row.getData().wrong),
      columns: columns.map(([title, kind], c) => ({
        title, field: `c${c}`,
        titleFormatter: () => document.createTextNode(title),
        formatter: cell(kind, c),
        hozAlign: kind === "text" ? "left" : "right",
        minWidth: c === 0 ? 190 : kind === "text" ? 170 : 122, widthGrow: kind === "text" ? 2 : 1,
        frozen: c === 0 && columns.length > 7,
        sorter: kind === "text" ? "string" : order,
        headerSortStartingDir: kind === "text" ? "asc" : "desc",
        headerFilter: "input",
        headerFilterPlaceholder: kind === "text" ? "contains" : "> < ..",
        headerFilterFunc: passes, headerFilterFuncParams: { kind }, headerFilterLiveFilter: true,
        tooltip: false,
      })),
    });
    const tell = (n) => (count.textContent = `${n.toLocaleString("en-US")} of ${data.length.toLocaleString("en-US")} rows`);
    table.on("tableBuilt", () => {
      box.classList.add("live");
      grid.setAttribute("aria-label", grid.dataset.title);
      // Screen readers: only groups of rows are children of a grid.
      grid.querySelector(".tabulator-tableholder").setAttribute("role", "rowgroup");
      grid.querySelector(".tabulator-tableholder .tabulator-table").setAttribute("role", "presentation");
      tell(data.length);
      all(".tabulator-col-sorter", grid).forEach((arrow) => arrow.setAttribute("aria-hidden", "true"));
      all(".tabulator-header .tabulator-col", grid).forEach((head) => {
        head.tabIndex = 0;
        head.addEventListener("keydown", (event) => {
          if (event.target === head && (event.key === "Enter" || event.key === " ")) {
            event.preventDefault();
            head.querySelector(".tabulator-col-content").click();
          }
        });
      });
      all(".tabulator-header-filter input", grid).forEach((input, c) =>
        input.setAttribute("aria-label", `Filter ${columns[c][0]}`));
    });
    table.on("dataFiltered", (_filters, kept) => tell(kept.length));
    const filter = () => (only.checked ? table.setFilter("wrong", "=", true) : table.clearFilter(false));
    only?.addEventListener("change", filter);
    box.table = table;
  };
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (entry.isIntersecting && entry.target.offsetParent !== null) {
      seen.unobserve(entry.target);
      build(entry.target);
    }
  }), { rootMargin: "600px" });
  all(".tab[data-later]").forEach((tab) => (tab.hidden = true));
  all(".data").forEach((box) => seen.observe(box));
  all(".group").forEach((group) => {
    const buttons = all(".seg button", group);
    buttons.forEach((button) => button.addEventListener("click", () => {
      press(buttons, button);
      all(".tab", group).forEach((tab) => (tab.hidden = tab.id !== `${button.dataset.show}-tab`));
      build(document.getElementById(button.dataset.show));
    }));
  });

  // ---- pictures
  const show = (id) => {
    location.hash = id;
    document.getElementById(id).scrollIntoView({ block: "start" });
  };
  // Tables that are built on the way move what a link leads to: go there again when they stand.
  const settle = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target) [100, 400].forEach((ms) => setTimeout(() => target.scrollIntoView({ block: "start" }), ms));
  };
  addEventListener("hashchange", settle);
  settle();
  const at = (changes, t, slack) => changes.map(([change, p, o]) => {
    const inP = p !== null && p >= t, inO = o !== null && o >= t;
    if (p !== null && o !== null) {
      if (inP && inO) return change;
      if (inP && o >= t - slack - 1e-9) return change;
      if (inO && p >= t - slack - 1e-9) return change;
    }
    return inP ? "lost" : inO ? "gained" : "";
  });
  const count = (now) => {
    const n = (name) => now.filter((one) => one === name).length;
    const matches = n("kept") + n("moved"), b = matches + n("relabelled") + n("lost"), a = matches + n("relabelled") + n("gained");
    return `A (optimized) ${a} · B (parent) ${b} · matches ${matches} · ${n("lost")} lost · ${n("gained")} gained · ${n("moved")} moved · ${n("relabelled")} relabelled`;
  };
  all(".pic").forEach((pic) => {
    const stage = pic.querySelector(".stage");
    const views = all(".seg button", pic);
    views.forEach((button) => button.addEventListener("click", () => {
      press(views, button);
      pic.dataset.view = button.dataset.view;
    }));
    const swiper = pic.querySelector(".swiper");
    swiper?.addEventListener("input", () => stage.style.setProperty("--x", `${swiper.value}%`));
    stage?.addEventListener("pointermove", (event) => {
      if (pic.dataset.view !== "swipe") return;
      const box = stage.getBoundingClientRect();
      swiper.value = Math.round(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * 100);
      stage.style.setProperty("--x", `${swiper.value}%`);
    });
    const objects = (i) => all(`.o[data-i="${i}"]`, pic);
    all(".objects-table tbody tr", pic).forEach((row) => {
      const light = (on) => {
        stage.classList.toggle("hot", on);
        objects(row.dataset.i).forEach((o) => o.classList.toggle("hi", on));
      };
      ["mouseenter", "focus"].forEach((name) => row.addEventListener(name, () => light(true)));
      ["mouseleave", "blur"].forEach((name) => row.addEventListener(name, () => light(false)));
    });
    const slider = pic.querySelector(".threshold");
    if (!slider) return;
    const { changes, hysteresis } = facts(pic, "facts");
    const words = {};
    all(".objects-table tbody tr", pic).forEach((row) => (words[row.dataset.i] = row.querySelector(".now").textContent));
    const update = () => {
      const now = at(changes, +slider.value, hysteresis);
      pic.querySelector(".thr output").textContent = (+slider.value).toFixed(2);
      pic.querySelector(".counts").textContent = count(now);
      all(".o", pic).forEach((o) => {
        const state = now[o.dataset.i];
        const inParent = o.closest("figure").classList.contains("parent");
        const inOptimized = o.closest("figure").classList.contains("optimized");
        o.classList.toggle("off", !state || (inParent && state === "gained") || (inOptimized && state === "lost"));
        if (state && state !== changes[o.dataset.i][0]) o.dataset.now = state; else delete o.dataset.now;
      });
      all(".objects-table tbody tr", pic).forEach((row) => {
        const i = row.dataset.i, state = now[i];
        row.classList.toggle("gone", !state);
        row.dataset.now = state;
        row.querySelector(".now").textContent = !state ? "below the threshold" : state === changes[i][0] ? words[i] : state;
      });
    };
    slider.addEventListener("input", update);
    update();
  });
  addEventListener("beforeprint", () => all("details").forEach((d) => (d.open = true)));
  document.documentElement.dataset.ready = "1";
})();

"use strict";
// Tables: sorted and filtered by Tabulator, built when they come into view.
var quantgate = {};
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const press = (buttons, chosen) =>
    buttons.forEach((b) => b.setAttribute("aria-pressed", String(b === chosen)));
  quantgate.all = all;
  quantgate.press = press;
  // Compressed text inside a script element.
  const inflated = (script) => {
    const bytes = Uint8Array.from(atob(script.textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  };
  quantgate.unpacked = async (script) => JSON.parse(await inflated(script));
  // A page is opened for its verdicts: the library of the tables is run when the first of them is seen.
  let library = null;
  const tabulator = () => (library ??= inflated(document.getElementById("tabulator")).then((text) => {
    document.head.append(Object.assign(document.createElement("script"), { textContent: text }));
  }));

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
    if (!rule) return null; // said below the tools; what is not understood filters nothing
    const limit = +rule[2];
    const test = {
      ">=": (v) => v >= limit, "<=": (v) => v <= limit, "!=": (v) => v !== limit,
      ">": (v) => v > limit, "<": (v) => v < limit,
    }[rule[1]] ?? ((v) => v === limit);
    return (v) => v !== null && test(v);
  };
  const tests = new Map();
  const test = (text) => tests.get(text) ?? (tests.set(text, numeric(text)), tests.get(text));
  const passes = (text, value, _row, { kind }) => {
    if (kind === "text") return String(value ?? "").toLowerCase().includes(text.toLowerCase());
    return test(text)?.(number(value)) ?? true;
  };
  // Names differ at their ends: what is too long loses its middle.
  const cut = (element, text) => {
    const at = text.length > 16 ? text.length - 10 : text.length;
    element.classList.add("cut");
    element.title = text;
    element.append(Object.assign(document.createElement("span"), { textContent: text.slice(0, at) }));
    if (at < text.length) element.append(Object.assign(document.createElement("span"), { textContent: text.slice(at) }));
    return element;
  };
  const order = (a, b) => (a === null ? -1 : number(a)) - (b === null ? -1 : number(b));


  const build = async (box) => {
    if (box.dataset.built) return;
    box.dataset.built = "1";
    await tabulator();
    const { columns, rows, erroneous, changed } = await quantgate.unpacked(box.querySelector("script.rows"));
    const wrong = new Set(erroneous), differs = new Set(changed);
    const data = rows.map((row, i) => {
      const item = { id: i, erroneous: wrong.has(i), changed: differs.has(i) };
      row.forEach((value, c) => (item[`c${c}`] = value));
      return item;
    });
    const cell = (kind, c) => (one) => {
      const text = shown(one.getValue(), kind);
      if (kind !== "text") return document.createTextNode(text);
      if (c !== 0 || !quantgate.pictures?.has(box.dataset.model, text)) return cut(document.createElement("span"), text);
      const button = cut(Object.assign(document.createElement("button"), { className: "see", type: "button" }), text);
      button.title = `Show ${text}`;
      button.addEventListener("click", () => quantgate.pictures.open(box.dataset.model, text));
      return button;
    };
    const grid = box.querySelector(".grid");
    const only = all(".only", box), bad = box.querySelector(".bad");
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
      rowFormatter: (row) => row.getElement().classList.toggle("wrong", row.getData().changed),
      columns: columns.map(([title, kind], c) => ({
        title, field: `c${c}`,
        titleFormatter: () => document.createTextNode(title),
        formatter: cell(kind, c),
        hozAlign: kind === "text" ? "left" : "right",
        minWidth: c === 0 ? 190 : kind === "text" ? 150 : Math.min(170, Math.max(118, 96 + 1.2 * title.length)), widthGrow: kind === "text" ? 2 : 1,
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
    // A filter that cannot be read says so: rows that stay would look like its answer.
    const complain = () => {
      const wrongly = all(".tabulator-header-filter input", grid).flatMap((input, c) => {
        const text = input.value.trim(), faulty = text && columns[c][1] !== "text" && test(text) === null;
        input.setAttribute("aria-invalid", String(Boolean(faulty)));
        return faulty ? [`“${text}” under ${columns[c][0]}`] : [];
      });
      bad.hidden = !wrongly.length;
      bad.textContent = `Not a filter for numbers, so it filters nothing: ${wrongly.join(", ")}. Write >0.5, <=3, !=0, 1..5, 7 or = for empty cells.`;
    };
    table.on("dataFiltered", (_filters, kept) => (tell(kept.length), complain()));
    const filter = () => {
      const chosen = only.filter((one) => one.checked).map((one) => ({ field: one.dataset.rows, type: "=", value: true }));
      chosen.length ? table.setFilter(chosen) : table.clearFilter(false);
    };
    only.forEach((one) => one.addEventListener("change", filter));
    box.table = table;
  };
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (entry.isIntersecting && entry.target.offsetParent !== null) {
      seen.unobserve(entry.target);
      build(entry.target);
    }
  }), { rootMargin: "600px" });
  // What a view brings: called again for each view that is built.
  quantgate.tables = (root) => {
  all(".tab[data-later]", root).forEach((tab) => (tab.hidden = true));
  all(".data", root).forEach((box) => seen.observe(box));
  all(".group", root).forEach((group) => {
    const buttons = all(".seg button", group);
    buttons.forEach((button) => button.addEventListener("click", () => {
      press(buttons, button);
      all(".tab", group).forEach((tab) => (tab.hidden = tab.id !== `${button.dataset.show}-tab`));
      build(document.getElementById(button.dataset.show));
    }));
  });
  };
  quantgate.tables(document);
})();

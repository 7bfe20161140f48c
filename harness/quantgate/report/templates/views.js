"use strict";
// The overview, and the details of one model at a time: built from their <noscript> when they are opened.
(() => {
  const { all, press } = quantgate;
  const overview = document.getElementById("all"), one = document.getElementById("one");
  const parts = new Map(all("noscript.view").map((part) => [part.dataset.model, part]));
  const taken = new Map();
  quantgate.take = (id, html) => taken.set(id, html);

  const beside = (part) => new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: part.dataset.file });
    script.onload = resolve;
    script.onerror = () => reject(new Error(part.dataset.file));
    document.head.append(script);
  });
  let open = "", asked = "", left = null;
  const build = async (id) => {
    const part = parts.get(id);
    if (part.dataset.file && !taken.has(id)) await beside(part).catch(() => undefined);
    if (asked !== id) return; // somebody went on meanwhile
    // Our own templates made this text, and escaped whatever is foreign in it.
    one.innerHTML = `<p class="back"><a href="#overview">← All models</a></p>${taken.get(id) ?? part.textContent}`;
    one.prepend(Object.assign(document.createElement("h1"), { className: "vh", textContent: title }));
    open = id;
    await quantgate.gallery?.(one);
    quantgate.tables(one);
  };
  const settle = (target) => {
    target.scrollIntoView({ block: "start" });
    // Tables that are built on the way move what a link leads to: go there again when they stand.
    [100, 400].forEach((ms) => setTimeout(() => target.isConnected && location.hash.slice(1) === target.id && target.scrollIntoView({ block: "start" }), ms));
  };
  const route = async () => {
    const hash = decodeURIComponent(location.hash.slice(1)), id = hash.split("-")[0];
    const viewer = document.getElementById("viewer");
    if (viewer.open && !/-p\d+$/.test(hash)) viewer.close();
    if (!parts.has(id)) {
      asked = "";
      const came = open;
      one.hidden = true;
      if (!overview.isConnected) one.before(overview);
      one.replaceChildren();
      open = "";
      document.title = title;
      if (hash && hash !== "overview") document.getElementById(hash)?.scrollIntoView();
      else if (came) (scrollTo(0, left?.at ?? 0), all(`.row h2 a[href="#${came}"]`)[0]?.focus({ preventScroll: true }));
      return;
    }
    if (open !== id) {
      if (!open) left = { at: scrollY };
      asked = id;
      await build(id);
      if (asked !== id) return;
      overview.remove(); // kept, but out of the page: 400 rows are as many elements as a view
      one.hidden = false;
      document.title = `${one.querySelector("h2")?.textContent.trim() ?? ""} · ${title}`;
    }
    const shot = hash.match(/^(.*)-p(\d+)$/);
    if (shot) quantgate.show?.(+shot[2], shot[1]);
    const target = hash === id ? null : document.getElementById(hash);
    if (target && !shot) settle(target);
    else if (!shot) (scrollTo(0, 0), one.querySelector(".back a").focus({ preventScroll: true }));
  };
  const title = document.title;
  addEventListener("hashchange", route);

  // ---- find models
  const form = overview.querySelector(".pick"), rows = all(".row", overview);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const words = all("[data-word]", form);
  const filter = () => {
    const text = form.elements.text.value.trim().toLowerCase();
    const word = words.find((button) => button.getAttribute("aria-pressed") === "true")?.dataset.word;
    const task = form.elements.task?.value, tag = form.elements.tag?.value;
    let shown = 0;
    rows.forEach((row, i) => {
      const fits = texts[i].includes(text)
        && (!word || row.dataset.word.split(" ").includes(word))
        && (!task || row.dataset.task === task)
        && (!tag || row.dataset.tags.split(" ").includes(tag));
      row.hidden = !fits;
      shown += fits;
    });
    form.querySelector(".count").textContent = `${shown} of ${rows.length} models`;
    overview.querySelector(".none").hidden = shown > 0;
  };
  words.forEach((button) => button.addEventListener("click", () => {
    press(words, button.getAttribute("aria-pressed") === "true" ? null : button);
    filter();
  }));
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  // ---- keys
  const typing = (target) => target.closest("input,select,textarea,.tabulator,dialog");
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && event.target === form.elements.text && form.elements.text.value) {
      form.elements.text.value = "";
      return filter();
    }
    if (event.key === "Escape" && open && !typing(event.target)) return void (location.hash = "overview");
    const inText = event.target === form.elements.text;
    if (typing(event.target) && !(inText && event.key === "ArrowDown")) return;
    if (event.key === "/" && !open) return event.preventDefault(), form.elements.text.focus();
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (!step || open) return;
    const links = rows.filter((row) => !row.hidden).map((row) => row.querySelector("h2 a")).filter(Boolean);
    const at = links.indexOf(document.activeElement?.closest(".row")?.querySelector("h2 a"));
    const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  route();
})();

"use strict";
// Objects drawn over one image, the same for every role: parent, optimized, or what differs between them.
(() => {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const dark = new Set(["#0072B2", "#D55E00", "#009E73"]);
  const FIRST = ["lost", "gained", "relabelled", "moved", "kept"];
  const FEW = 8;
  quantgate.order = FIRST;

  // What an object is at a threshold for both roles; pairs stay as they were matched.
  quantgate.now = ({ c, p, q }, t, slack) => {
    const inP = p && p[1] >= t, inQ = q && q[1] >= t;
    if (p && q && ((inP && inQ) || (inP && q[1] >= t - slack - 1e-9) || (inQ && p[1] >= t - slack - 1e-9))) return c;
    return inP ? "lost" : inQ ? "gained" : "";
  };

  const ring = (context, flat, at) => {
    for (let i = 0; i < flat.length; i += 2) context[i ? "lineTo" : "moveTo"](...at(flat[i], flat[i + 1]));
    context.closePath();
  };
  const path = (context, seen, at) => {
    const [, , x0, y0, x1, y1, rings, points = [], bones = [], corners = []] = seen;
    context.beginPath();
    if (rings?.length) {
      rings.forEach((one) => ring(context, one, at));
      context.save();
      context.globalAlpha *= 0.35;
      context.fill("evenodd");
      context.restore();
      context.stroke();
      context.beginPath();
    }
    const [left, top] = at(x0, y0), [right, bottom] = at(x1, y1);
    if (corners.length) ring(context, corners, at);
    else context.rect(left, top, right - left, bottom - top);
    for (let i = 0; i < bones.length; i += 4) {
      context.moveTo(...at(bones[i], bones[i + 1]));
      context.lineTo(...at(bones[i + 2], bones[i + 3]));
    }
    const reach = context.lineWidth * 0.75 + 1;
    for (let i = 0; i < points.length; i += 2) {
      const [x, y] = at(points[i], points[i + 1]);
      context.fillRect(x - reach, y - reach, 2 * reach, 2 * reach);
    }
  };
  const label = (context, text, x, y, fill, taken, bounds) => {
    const wide = context.measureText(text).width + 8, high = 17;
    const places = [[x, y - high], [x, y], [x, y + high], [x, y + 2 * high], [x, y + 3 * high]].map(([a, b]) => [
      Math.max(0, Math.min(a, bounds[0] - wide)), Math.max(0, Math.min(b, bounds[1] - high))]);
    const free = places.find(([a, b]) => !taken.some(([l, t, r, d]) => a < r && l < a + wide && b < d && t < b + high)) ?? places[0];
    taken.push([free[0], free[1], free[0] + wide, free[1] + high]);
    context.fillStyle = fill;
    context.fillRect(free[0], free[1], wide, high);
    context.fillStyle = dark.has(fill.toUpperCase()) || dark.has(fill) ? "#fff" : "#000";
    context.fillText(text, free[0] + 4, free[1] + 12.5);
  };

  // Draw one role over an image: `role` is parent, optimized or diff; `view` is {k, x, y} from image to canvas px.
  quantgate.draw = (canvas, image, shot, role, state) => {
    const ratio = devicePixelRatio || 1, { clientWidth: wide, clientHeight: high } = canvas;
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(high * ratio);
    }
    const context = canvas.getContext("2d"), [w, h] = shot.z, { k, x, y } = state.view;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, wide, high);
    context.imageSmoothingEnabled = k < 4;
    if (image) {
      context.filter = role === "diff" && shot.k === "objects" ? "grayscale(1) brightness(.7)" : "none";
      // A painted pane has its caption above the picture.
      const tall = shot.f?.length > 1 ? (image.naturalHeight / image.naturalWidth) * w : h;
      context.drawImage(image, x, y - (tall - h) * k, w * k, tall * k);
      context.filter = "none";
    } else {
      context.strokeStyle = "#888";
      context.strokeRect(x, y, w * k, h * k);
    }
    if (shot.k !== "objects") return;
    const at = (a, b) => [x + a * k, y + b * k], taken = [];
    const listed = state.objects.filter(({ now }) => role === "diff" || (now !== "gained" && role === "parent") || (now !== "lost" && role === "optimized"));
    // What is annotated: thin and dotted, under all that is found.
    (shot.e ?? []).forEach((flat) => {
      context.lineWidth = 1.5;
      [["#000", []], ["#fff", [3, 3]]].forEach(([tone, dash]) => {
        context.strokeStyle = tone;
        context.setLineDash(dash);
        context.beginPath();
        ring(context, flat, at);
        context.stroke();
      });
    });
    context.font = "12px system-ui, sans-serif";
    const few = listed.length <= FEW;
    [...listed].reverse().forEach(({ object, now, index }) => {
      const seen = role === "parent" ? object.p : role === "optimized" ? object.q : object.q ?? object.p;
      if (!seen) return;
      const lit = state.lit === index, dim = state.lit !== null && !lit;
      context.globalAlpha = dim ? 0.25 : 1;
      const tone = role === "diff" ? colour(now) : colour(role);
      if (role === "diff" && now === "moved" && object.p) {
        context.setLineDash([6, 4]);
        context.lineWidth = 2;
        context.strokeStyle = context.fillStyle = colour("parent");
        // Blue on a dark picture: a light rim keeps the old place in sight.
        context.shadowColor = "#fff";
        context.shadowBlur = 3;
        path(context, object.p, at);
        context.stroke();
        context.shadowBlur = 0;
      }
      context.setLineDash(now === "lost" ? [9, 6] : []);
      context.lineWidth = lit ? 5 : now === "kept" ? 1.5 : now === "moved" ? 2.25 : 3.5;
      context.strokeStyle = context.fillStyle = tone;
      path(context, seen, at);
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
    });
    listed.forEach(({ object, now, index }) => {
      const seen = role === "parent" ? object.p : role === "optimized" ? object.q : object.q ?? object.p;
      if (!seen || (state.lit !== null && state.lit !== index)) return;
      if (now === "kept" && (role === "diff" || !few) && state.lit !== index) return;
      const said = quantgate.said(object, now, role, state.labels);
      label(context, said, ...at(seen[2], seen[3]), role === "diff" ? colour(now) : colour(role), taken, [wide, high]);
    });
  };
  const named = (seen, labels) => `${labels[seen[0]]} ${seen[1].toFixed(2)}`;
  quantgate.said = (object, now, role, labels) => {
    if (role === "parent" || role === "optimized") return named(role === "parent" ? object.p : object.q, labels);
    if (now === "relabelled" && object.p && object.q) return `${named(object.p, labels)} → ${named(object.q, labels)}`;
    return `${now.toUpperCase()} ${named(now === "lost" ? object.p : object.q ?? object.p, labels)}`;
  };
})();

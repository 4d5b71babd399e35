"use strict";
(() => {
// The data -------------------------------------------------------------------------------------

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
function bytes(text) {
  const decoded = atob(text), found = new Uint8Array(decoded.length);
  for (let i = 0; i < found.length; i++) found[i] = decoded.charCodeAt(i);
  return found;
}
const array = (kind, text) => new kind(bytes(text).buffer);
const ids = (text) => array(data.wide ? Uint32Array : Uint16Array, text);

const words = data.words;
const size = words.length;
const grid = array(Uint16Array, data.positions);
const clusterOf = array(Uint8Array, data.cluster);
const near = { ids: ids(data.near.ids), cosines: array(Int16Array, data.near.cosines), k: data.near.k };
const nearHere = data.here === null ? near
  : { ids: ids(data.here.ids), cosines: array(Int16Array, data.here.cosines), k: data.here.k };
const X = new Float64Array(size), Y = new Float64Array(size);
for (let i = 0; i < size; i++) { X[i] = grid[2 * i] / 65535; Y[i] = 1 - grid[2 * i + 1] / 65535; }
const rowOf = new Map(words.map((word, i) => [word, i]));
const members = data.clusters.map(() => []);
for (let i = 0; i < size; i++) members[clusterOf[i]].push(i);

const wordAt = (id) => (id < size ? words[id] : data.others[id - size]);
const list = (of, i) => Array.from({ length: of.k }, (_, j) => (
  { id: of.ids[i * of.k + j], cosine: of.cosines[i * of.k + j] / 32767 }));

// A word as it is shown: invisible characters become code points. Joiners stay within words whose
// letters they shape, such as those of Persian, and within emoji.
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\uFFFD\u115F\u1160\u3164\uFFA0]|[^\S ]/gu;
const code = (c) => `[U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;
function shown(word) {
  if (/^ +$/.test(word)) return word.replace(/ /g, code(" "));
  return word.replace(INVISIBLE, (c, at) => {
    if (c === "\u200c" || c === "\u200d") {
      const before = Array.from(word.slice(0, at)).pop() || "", after = Array.from(word.slice(at + 1))[0] || "";
      const joins = /[^\p{ASCII}\p{Script=Latin}\p{C}\p{Z}]/u;
      if (joins.test(before) && joins.test(after)) return c;
    }
    return code(c);
  });
}
const isolated = (text) => `\u2068${text}\u2069`;
const LONGEST = 28;
const segments = typeof Intl === "object" && Intl.Segmenter ? new Intl.Segmenter() : null;
function short(text) {
  if (text.length <= LONGEST) return text;
  const parts = segments ? Array.from(segments.segment(text.slice(0, 400)), (s) => s.segment) : Array.from(text);
  if (parts.length <= LONGEST && text.length <= 400) return text;
  return parts.slice(0, LONGEST - 1).join("").slice(0, 100) + "…";
}

// Colours: pairs of hue for dots and for text, readable on the ground (contrast 4.5 and more).
const PALETTE = {
  light: ["#3f78c4", "#e08a2e", "#3fa06b", "#c0508a", "#7f68cc", "#c4a11c", "#2b9fb4", "#d1534f", "#86943a", "#99694a", "#70809a", "#d67fb4"],
  dark: ["#6fa8ef", "#f0a04e", "#63c48f", "#e57db2", "#a892f2", "#e3c144", "#5cc8dc", "#f07b74", "#b3c35c", "#cd9a78", "#a3b1c6", "#f2aad2"],
};
const INKS = {
  light: ["#28508a", "#7d4a0e", "#1f5c3a", "#7d2a56", "#4d3a94", "#655207", "#14596a", "#8c2a27", "#4b5417", "#5f3d26", "#434f63", "#80406a"],
  dark: ["#b0d0fb", "#fad0a2", "#aee6c6", "#f7bfdb", "#d5c9fc", "#f5e29a", "#abe5f0", "#fbbab5", "#dbe5a3", "#ebcbb4", "#d3dbe7", "#fad3e8"],
};
const GROUND = { light: "#fbfaf7", dark: "#11141a" };
const INK = { light: "#1c212b", dark: "#e9ebf0" };
const colourOf = (cluster) => data.clusters[cluster].colour % PALETTE.light.length;
let theme = "light";

// Labels: each has a scale, in pixels by the width of the map, from which it shows ---------------

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';
const FONTS = [`600 16px ${FONT}`, `500 14px ${FONT}`, `12.5px ${FONT}`];
const HEIGHTS = [20, 18, 16];
const LIFT = 14; // of the middle of a label above its point; the same for all, so that it does not move them apart
const GAP = 5; // between a point and a label in another place
const PADDING = 6;
const TITLES_END = 2600; // the scale at which the names of the clusters have faded
const canvas = $("map");
const context = canvas.getContext("2d", { alpha: false });

const classOf = (i) => (i < Math.max(8, size / 100) ? 0 : i < Math.max(40, size / 12) ? 1 : 2);
const texts = words.map((word) => isolated(short(shown(word))));
const widths = new Float32Array(size);
const from = new Float64Array(size); // the scale from which each label shows
for (const kind of [0, 1, 2]) {
  context.font = FONTS[kind];
  const measured = new Map();
  const widthOf = (text) => {
    if (!measured.has(text)) measured.set(text, context.measureText(text).width);
    return measured.get(text);
  };
  for (let i = 0; i < size; i++) {
    if (classOf(i) !== kind) continue;
    // Measuring each word would take half of the time until the map shows. The letters of these
    // scripts stand side by side, so the widths of letters add up.
    const text = texts[i].slice(1, -1), simple = /^[ -~\u00a1-\u024f\u3001-\u30ff\u3400-\u9fff\uac00-\ud7a3…]*$/.test(text);
    let width = 0;
    if (simple) for (const letter of text) width += widthOf(letter);
    else width = context.measureText(texts[i]).width;
    widths[i] = Math.ceil(width) + PADDING;
  }
}
const titles = makeTitles();
placeLabels();
const largest = from.reduce((a, b) => Math.max(a, b), 0);

// The names of the clusters, each at the middle of its words: the first word, and the others below.
function makeTitles() {
  const made = data.clusters.map((cluster, at) => {
    const all = members[at], middle = (of) => Float64Array.from(all, (i) => of[i]).sort()[all.length >> 1];
    const x = middle(X), y = middle(Y);
    const lines = [cluster.words.slice(0, 1), cluster.words.slice(1)].filter((line) => line.length)
      .map((line) => line.map((i) => isolated(short(shown(words[i])))).join(" · "));
    let width = 0;
    lines.forEach((line, row) => {
      context.font = TITLE_FONT(row);
      width = Math.max(width, context.measureText(line).width);
    });
    return { at, x, y, lines, width: Math.ceil(width) + 14, height: 24 + 16 * (lines.length - 1), from: 0 };
  });
  made.forEach((title, at) => {
    for (const other of made.slice(0, at)) title.from = Math.max(title.from, meeting(title, other));
  });
  return size > 60 && made.length > 1 ? made.filter((title) => title.from < TITLES_END / 2) : [];
}
function TITLE_FONT(row) { return row === 0 ? `700 17px ${FONT}` : `600 12.5px ${FONT}`; }
function meeting(a, b) { // the scale below which two boxes overlap
  return Math.min((a.width + b.width) / 2 / Math.abs(a.x - b.x), (a.height + b.height) / 2 / Math.abs(a.y - b.y));
}

// In the order of rank, each label shows from the scale at which it is clear of all earlier ones.
// Two labels that are clear of each other stay so when the map grows, so none flickers.
function placeLabels() {
  const COLUMNS = 64, ROWS = 256;
  const cells = Array.from({ length: COLUMNS * ROWS }, () => []);
  let widest = 0;
  const column = (x) => Math.min(COLUMNS - 1, Math.floor(x * COLUMNS)), row = (y) => Math.min(ROWS - 1, Math.floor(y * ROWS));
  for (let i = 0; i < size; i++) {
    const height = HEIGHTS[classOf(i)];
    let scale = 0;
    const check = (j) => {
      const at = Math.min((widths[i] + widths[j]) / 2 / Math.abs(X[i] - X[j]), (height + HEIGHTS[classOf(j)]) / 2 / Math.abs(Y[i] - Y[j]));
      if (at > scale) scale = at;
    };
    const c = column(X[i]), r = row(Y[i]);
    for (let ring = 0; ring < ROWS; ring++) {
      // Labels beyond this ring are clear of this one from these scales on.
      if (ring > 1 && scale > 0) {
        const far = Math.max((widths[i] + widest) / 2 / ((ring - 1) / COLUMNS), 20 / ((ring - 1) / ROWS));
        if (far <= scale) break;
      }
      for (let q = Math.max(0, r - ring); q <= Math.min(ROWS - 1, r + ring); q++) {
        const edge = q === r - ring || q === r + ring;
        for (let p = c - ring; p <= c + ring; p += edge ? 1 : Math.max(1, 2 * ring)) {
          if (p >= 0 && p < COLUMNS) for (const j of cells[q * COLUMNS + p]) check(j);
        }
      }
    }
    const box = { x: X[i], y: Y[i], width: widths[i], height };
    for (const title of titles) {
      const clear = meeting(box, title);
      if (clear > title.from) scale = Math.max(scale, Math.min(clear, TITLES_END));
    }
    from[i] = scale;
    widest = Math.max(widest, widths[i]);
    cells[r * COLUMNS + c].push(i);
  }
}

// The view ---------------------------------------------------------------------------------------

let width = 1, height = 1, ratio = 1, fit = 1, scale = 1, left = 0, top = 0; // pixel = position * scale + left
let selected = -1, links = [], hovered = -1, lit = -1, frames = 0, pending = false, moving = null;
let image = null, pixels = null, drawn = [];
const still = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 640px)");
const most = () => Math.max(64 * fit, 1.02 * largest);

// The part of the window that the panels leave free.
function room() {
  if (narrow.matches) {
    const below = $("card").hidden ? 64 : $("card").offsetHeight + 8;
    return { left: 12, right: width - 12, top: 118, bottom: Math.max(200, height - below) };
  }
  return { left: 300, right: width - ($("card").hidden ? 24 : 352), top: 24, bottom: height - 36 };
}
function home() {
  const free = room();
  return { scale: fit, x: 0.5, y: 0.5, ...middle(free) };
}
const middle = (free) => ({ px: (free.left + free.right) / 2, py: (free.top + free.bottom) / 2 });
function go(view) {
  scale = Math.min(most(), Math.max(fit / 2, view.scale));
  left = view.px - view.x * scale;
  top = view.py - view.y * scale;
  draw();
}
function fly(view) {
  if (moving) cancelAnimationFrame(moving);
  moving = null;
  view.scale = Math.min(most(), Math.max(fit / 2, view.scale));
  if (still.matches) { go(view); return; }
  const start = performance.now(), before = { scale, x: (view.px - left) / scale, y: (view.py - top) / scale };
  const far = Math.hypot(before.x - view.x, before.y - view.y) * Math.min(scale, view.scale);
  const time = Math.min(700, 220 + 60 * Math.abs(Math.log2(view.scale / scale)) + 0.2 * far);
  const step = (now) => {
    const part = Math.min(1, Math.max(0, (now - start) / time)), t = 1 - (1 - part) ** 3;
    const s = before.scale * (view.scale / before.scale) ** t;
    // Positions follow the scale, so that zooming in does not overshoot.
    const u = view.scale === before.scale ? t : (1 / before.scale - 1 / s) / (1 / before.scale - 1 / view.scale);
    go({ scale: s, x: before.x + (view.x - before.x) * u, y: before.y + (view.y - before.y) * u, px: view.px, py: view.py });
    moving = part < 1 ? requestAnimationFrame(step) : null;
  };
  moving = requestAnimationFrame(step);
}
function halt() { if (moving) cancelAnimationFrame(moving); moving = null; }
function zoom(factor, px, py, smooth) {
  const view = { scale: Math.min(most(), Math.max(fit / 2, scale * factor)), x: (px - left) / scale, y: (py - top) / scale, px, py };
  if (smooth) fly(view); else { halt(); go(view); }
}
function resize() {
  const first = image === null;
  const before = { x: (width / 2 - left) / scale, y: (height / 2 - top) / scale, zoom: scale / fit };
  width = Math.max(1, innerWidth); height = Math.max(1, innerHeight);
  ratio = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  image = context.createImageData(canvas.width, canvas.height);
  pixels = new Uint32Array(image.data.buffer);
  const free = room();
  fit = Math.max(120, Math.min(free.right - free.left, free.bottom - free.top) * 0.94);
  go(first ? home() : { scale: before.zoom * fit, x: before.x, y: before.y, px: width / 2, py: height / 2 });
}

// Drawing ----------------------------------------------------------------------------------------

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const mixed = (a, b, share) => rgb(a).map((v, i) => Math.round(v + (rgb(b)[i] - v) * share));
const packed = ([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
const css = ([r, g, b]) => `rgb(${r},${g},${b})`;
const stamps = new Map();
// The cover of each pixel by a disc, in 64ths, for sixteen places of its middle within a pixel.
function stampsOf(radius) {
  const key = Math.round(radius * 8);
  if (!stamps.has(key)) {
    const r = key / 8, reach = Math.ceil(r + 1), side = 2 * reach + 1;
    const made = [];
    for (let phase = 0; phase < 16; phase++) {
      const dx = ((phase & 3) + 0.5) / 4 - 0.5, dy = ((phase >> 2) + 0.5) / 4 - 0.5, at = [], cover = [];
      for (let y = -reach; y <= reach; y++) {
        for (let x = -reach; x <= reach; x++) {
          const part = Math.round(64 * Math.min(1, Math.max(0, r + 0.5 - Math.hypot(x - dx, y - dy))));
          if (part) { at.push([x, y]); cover.push(part); }
        }
      }
      made.push({ at, cover: Uint8Array.from(cover), offsets: null, row: 0 });
    }
    stamps.set(key, { reach, side, made });
  }
  const found = stamps.get(key);
  for (const stamp of found.made) {
    if (stamp.row !== canvas.width) {
      stamp.row = canvas.width;
      stamp.offsets = Int32Array.from(stamp.at, ([x, y]) => y * canvas.width + x);
    }
  }
  return found;
}
function dots() {
  const ground = GROUND[theme], columns = canvas.width, rows = canvas.height;
  pixels.fill(packed(rgb(ground)));
  const faded = selected >= 0 || lit >= 0;
  const colours = data.clusters.map((cluster, at) => {
    const full = PALETTE[theme][colourOf(at)];
    return packed(mixed(full, ground, lit >= 0 ? (lit === at ? 0 : 0.82) : faded ? 0.6 : 0));
  });
  const base = Math.max(1, 1.15 + 0.42 * Math.log2(scale / fit) - (size > 20000 ? 0.25 : 0));
  const sizes = [2.1, 1.5, 1].map((share) => stampsOf(Math.min(6, base * (share ** 0.6) + 0.35 * share) * ratio));
  const s = scale * ratio, l = left * ratio, t = top * ratio;
  for (let i = size - 1; i >= 0; i--) {
    const x = X[i] * s + l, y = Y[i] * s + t;
    const { reach, made } = sizes[i < size / 100 ? 0 : i < size / 12 ? 1 : 2];
    if (!(x > reach && y > reach && x < columns - reach - 1 && y < rows - reach - 1)) continue;
    const px = Math.round(x), py = Math.round(y);
    const stamp = made[Math.min(3, ((x - px + 0.5) * 4) | 0) | Math.min(3, ((y - py + 0.5) * 4) | 0) << 2];
    const colour = colours[clusterOf[i]], rb = colour & 0xff00ff, g = colour >>> 8 & 0xff;
    const { offsets, cover } = stamp, at = py * columns + px;
    for (let k = 0; k < offsets.length; k++) {
      const place = at + offsets[k], part = cover[k], old = pixels[place];
      const both = ((rb * part + (old & 0xff00ff) * (64 - part)) >>> 6) & 0xff00ff;
      const green = ((g * part + (old >>> 8 & 0xff) * (64 - part)) >>> 6) & 0xff;
      pixels[place] = 0xff000000 | both | green << 8;
    }
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.putImageData(image, 0, 0);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}
function boxOf(i, place) {
  const kind = classOf(i), w = widths[i], h = HEIGHTS[kind], x = X[i] * scale + left, y = Y[i] * scale + top;
  if (place === 1) return { i, x: x - w / 2, y: y + GAP, w, h };
  if (place === 2) return { i, x: x + GAP + 3, y: y - h / 2, w, h };
  if (place === 3) return { i, x: x - GAP - 3 - w, y: y - h / 2, w, h };
  return { i, x: x - w / 2, y: y - LIFT - h / 2, w, h };
}
const apart = (a, b) => a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
const inSight = (b) => b.x < width && b.y < height && b.x + b.w > 0 && b.y + b.h > 0;
function write(text, x, y, ink, halo) {
  context.strokeStyle = halo;
  context.fillStyle = ink;
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}
function draw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; paint(); });
}
function paint() {
  if (!image) return;
  frames++;
  const ground = GROUND[theme], ink = INK[theme];
  dots();
  drawn = [];
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.direction = "ltr";
  context.lineJoin = "round";
  context.lineWidth = 3.5;
  const halo = ground + (theme === "dark" ? "e0" : "e8");
  const forced = [];
  if (selected >= 0) {
    const x = X[selected] * scale + left, y = Y[selected] * scale + top;
    context.lineWidth = 1.3;
    for (const { id, cosine } of links) {
      context.globalAlpha = 0.3 + 0.6 * Math.max(0, cosine);
      context.strokeStyle = INKS[theme][colourOf(clusterOf[id])];
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(X[id] * scale + left, Y[id] * scale + top);
      context.stroke();
    }
    context.globalAlpha = 1;
    for (const i of [...links.map((link) => link.id).reverse(), selected]) {
      context.beginPath();
      context.arc(X[i] * scale + left, Y[i] * scale + top, i === selected ? 5.5 : 4, 0, 7);
      context.fillStyle = PALETTE[theme][colourOf(clusterOf[i])];
      context.strokeStyle = ground;
      context.lineWidth = 1.5;
      context.fill();
      context.stroke();
    }
    context.lineWidth = 3.5;
    for (const i of [selected, ...links.map((link) => link.id)]) {
      for (let place = 0; place < 4; place++) {
        const box = boxOf(i, place);
        if (forced.every((other) => apart(box, other))) { forced.push(box); break; }
      }
    }
  }
  // The names of the clusters, then the words.
  const fading = Math.min(1, Math.max(0, (TITLES_END - scale) / (0.25 * TITLES_END)));
  const names = fading > 0 && selected < 0 ? titles.filter((title) => scale >= title.from) : [];
  let last = -1;
  for (let i = 0; i < size; i++) {
    if (from[i] > scale) continue;
    const box = boxOf(i, 0);
    if (!inSight(box) || (forced.length && !forced.every((other) => apart(box, other)))) continue;
    const kind = classOf(i), own = lit < 0 || lit === clusterOf[i];
    if (kind !== last) { context.font = FONTS[kind]; last = kind; }
    context.globalAlpha = selected >= 0 ? 0.45 : own ? 1 : 0.25;
    write(texts[i], box.x + box.w / 2, box.y + box.h / 2, INKS[theme][colourOf(clusterOf[i])], halo);
    drawn.push(box);
  }
  for (const title of names) {
    const x = title.x * scale + left, y = title.y * scale + top;
    const box = { i: -1, title: title.at, x: x - title.width / 2, y: y - LIFT - title.height / 2, w: title.width, h: title.height };
    if (!inSight(box)) continue;
    context.globalAlpha = fading * (lit < 0 || lit === title.at ? 1 : 0.3);
    context.lineWidth = 5;
    title.lines.forEach((line, row) => {
      context.font = TITLE_FONT(row);
      write(line, x, box.y + (row ? 30 : 12), ink, halo);
    });
    drawn.push(box);
  }
  context.globalAlpha = 1;
  context.lineWidth = 4;
  for (const box of forced) {
    if (!inSight(box)) continue;
    context.font = box.i === selected ? FONTS[classOf(box.i)].replace(/^(\d+ )?/, "700 ") : FONTS[classOf(box.i)];
    write(texts[box.i], box.x + box.w / 2, box.y + box.h / 2, ink, ground);
    drawn.push({ ...box, forced: true });
  }
  if (hovered >= 0) {
    context.beginPath();
    context.arc(X[hovered] * scale + left, Y[hovered] * scale + top, 6.5, 0, 7);
    context.strokeStyle = ink;
    context.lineWidth = 1.5;
    context.stroke();
  }
}

// Finding what is under the pointer -------------------------------------------------------------

const SIDE = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(size / 4))));
const buckets = Array.from({ length: SIDE * SIDE }, () => []);
const bucket = (v) => Math.min(SIDE - 1, Math.max(0, Math.floor(v * SIDE)));
for (let i = 0; i < size; i++) buckets[bucket(Y[i]) * SIDE + bucket(X[i])].push(i);
function wordUnder(px, py, reach) {
  const label = drawn.findLast((b) => b.i >= 0 && px >= b.x && px <= b.x + b.w && py >= b.y && py <= b.y + b.h);
  let best = -1, least = reach;
  const [x0, x1] = [px - reach, px + reach].map((v) => bucket((v - left) / scale));
  const [y0, y1] = [py - reach, py + reach].map((v) => bucket((v - top) / scale));
  for (let q = y0; q <= y1; q++) {
    for (let p = x0; p <= x1; p++) {
      for (const i of buckets[q * SIDE + p]) {
        const far = Math.hypot(X[i] * scale + left - px, Y[i] * scale + top - py);
        if (far < least) { best = i; least = far; }
      }
    }
  }
  return best >= 0 && least < 6 ? best : label ? label.i : best;
}
function titleUnder(px, py) {
  const found = drawn.find((b) => b.i < 0 && px >= b.x && px <= b.x + b.w && py >= b.y && py <= b.y + b.h);
  return found ? found.title : -1;
}
function hover(i, px, py) {
  if (i !== hovered) { hovered = i; draw(); }
  const tip = $("tip");
  tip.hidden = i < 0;
  if (i < 0) return;
  tip.firstChild.textContent = shown(words[i]).slice(0, 400);
  tip.lastChild.textContent = i === selected ? "" : "click for its nearest words";
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(px + 14, width - box.width - 4))}px`;
  tip.style.top = `${py + 18 + box.height > height ? py - box.height - 12 : py + 18}px`;
}

// The card of a word -----------------------------------------------------------------------------

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") element.textContent = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}
function dot(cluster) {
  const element = make("span", { class: "dot" });
  if (cluster >= 0) element.style.background = PALETTE[theme][colourOf(cluster)];
  return element;
}
// The words of a name, each isolated.
function nameOf(cluster) {
  const span = make("span");
  data.clusters[cluster].words.forEach((i, at) => {
    span.append(at ? ", " : "", make("bdi", { text: shown(words[i]) }));
  });
  return span;
}
const number = (value) => value.toLocaleString("en-US");
function entry({ id, cosine }) {
  const here = id < size, bar = make("span", { class: "bar" }, make("i"));
  bar.firstChild.style.width = `${Math.max(0, 100 * cosine)}%`;
  if (here) bar.firstChild.style.background = PALETTE[theme][colourOf(clusterOf[id])];
  const parts = [dot(here ? clusterOf[id] : -1), make("bdi", { text: shown(wordAt(id)) }), bar,
    make("span", { class: "number", text: cosine.toFixed(4) })];
  return make("li", here ? {} : { class: "off", title: "not on this map" },
    here ? make("button", { type: "button", onclick: () => select(id) }, ...parts) : make("div", {}, ...parts));
}
function showCard(i) {
  const card = $("card"), all = list(near, i), known = new Set(all.map((one) => one.id));
  const further = list(nearHere, i).filter((one) => !known.has(one.id));
  const count = data.counts ? `${number(data.counts[i])} ${data.counts[i] === 1 ? "occurrence" : "occurrences"}, ` : "";
  const parts = [
    make("button", { class: "close", type: "button", "aria-label": "Close", title: "Close (Esc)", text: "×", onclick: () => select(-1) }),
    make("h2", { dir: "auto" }, make("bdi", { text: shown(words[i]) })),
    make("p", { class: "facts", text: `${count}rank ${number(i + 1)}` }),
  ];
  if (data.clusters.length > 1) {
    parts.push(make("button", { class: "chip", type: "button", title: "Zoom to this cluster", onclick: () => { select(-1); showCluster(clusterOf[i]); } },
      dot(clusterOf[i]), nameOf(clusterOf[i])));
  }
  if (all.length) {
    parts.push(make("h3", { text: `Nearest of ${all.some((one) => one.id >= size) || data.total > size ? `all ${number(data.total)}` : number(size)} words` }),
      make("ul", { id: "nearest" }, ...all.map(entry)));
    if (all.some((one) => one.id >= size)) parts.push(make("p", { class: "note", text: "Grey: not among the words on this map." }));
  } else parts.push(make("p", { class: "note", text: "This map has no other word." }));
  if (further.length) parts.push(make("h3", { text: "Further ones on this map" }), make("ul", { id: "further" }, ...further.map(entry)));
  card.replaceChildren(...parts);
  card.hidden = false;
  card.scrollTop = 0;
  document.body.classList.add("open");
}
function select(i, { smooth = true, address = true } = {}) {
  selected = i;
  hovered = -1;
  $("tip").hidden = true;
  if (i < 0) {
    const inside = $("card").contains(document.activeElement);
    $("card").hidden = true;
    document.body.classList.remove("open");
    links = [];
    if (inside) canvas.focus();
    draw();
  } else {
    links = list(nearHere, i);
    showCard(i);
    const far = links.map(({ id }) => Math.hypot(X[id] - X[i], Y[id] - Y[i])).sort((a, b) => a - b);
    const reach = far.length ? Math.max(far[Math.floor(0.6 * (far.length - 1))], 1e-4) : 1;
    const free = room(), span = Math.min(free.right - free.left, free.bottom - free.top);
    const view = { scale: Math.max(fit, Math.min(0.4 * span / reach, 40 * fit)), x: X[i], y: Y[i], ...middle(free) };
    if (smooth) fly(view); else { halt(); go(view); }
  }
  if (address) setAddress(i < 0 ? "" : words[i]);
}
function setAddress(word) {
  try {
    const hash = word === "" ? "" : `#${encodeURIComponent(word)}`;
    if (location.hash !== hash) history.pushState(null, "", hash || location.pathname + location.search);
  } catch { /* a frame without an address, or half a surrogate pair */ }
}
function readAddress(smooth) {
  let word = "";
  try { word = decodeURIComponent(location.hash.slice(1)); } catch { /* no word */ }
  const i = rowOf.has(word) ? rowOf.get(word) : -1;
  if (i !== selected) select(i, { smooth, address: false });
}
function showCluster(at) {
  const free = room(), spread = (of) => {
    const sorted = Float64Array.from(members[at], (i) => of[i]).sort();
    return [sorted[Math.floor(0.06 * sorted.length)], sorted[Math.floor(0.94 * (sorted.length - 1))]];
  };
  const [x0, x1] = spread(X), [y0, y1] = spread(Y);
  fly({ scale: Math.min((free.right - free.left) / Math.max(x1 - x0, 0.01), (free.bottom - free.top) / Math.max(y1 - y0, 0.01)) * 0.9,
    x: (x0 + x1) / 2, y: (y0 + y1) / 2, ...middle(free) });
}

// Search -----------------------------------------------------------------------------------------

const field = $("search"), found = $("found");
let keysOfWords = null, matches = [], chosen = 0;
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
function search() {
  const text = field.value, wanted = fold(text.trim());
  matches = [];
  chosen = 0;
  if (text.trim()) {
    keysOfWords ??= words.map(fold);
    const ranks = [[], [], [], []], exact = rowOf.get(text) ?? rowOf.get(text.trim());
    for (let i = 0; i < size; i++) {
      if (i === exact) { ranks[0].push(i); continue; }
      const at = wanted ? keysOfWords[i].indexOf(wanted) : -1;
      if (at === 0) { (keysOfWords[i].length === wanted.length ? ranks[1] : ranks[2]).push(i); }
      else if (at > 0 && ranks[3].length < 8) ranks[3].push(i);
    }
    matches = ranks.flat().slice(0, 8);
  }
  found.replaceChildren(...matches.map((i, at) => make("li", {
    role: "option", id: `found-${at}`, "aria-selected": at === chosen, onpointerdown: (event) => { event.preventDefault(); open(at); },
    onpointermove: () => choose(at),
  }, dot(clusterOf[i]), make("bdi", { text: shown(words[i]) }), make("span", { class: "number", text: data.counts ? number(data.counts[i]) : "" }))));
  if (text.trim() && !matches.length) {
    found.append(make("li", { class: "none" }, make("bdi", { text: shown(text.trim()).slice(0, 100) }), ` is not among the ${number(size)} words on this map`));
  }
  found.hidden = !text.trim();
  field.setAttribute("aria-expanded", String(!found.hidden));
  choose(0);
}
function choose(at) {
  chosen = at;
  [...found.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === at)));
  if (matches.length) field.setAttribute("aria-activedescendant", `found-${at}`);
  else field.removeAttribute("aria-activedescendant");
}
function open(at) {
  if (!matches.length) return;
  const word = matches[at];
  closeSearch();
  canvas.focus({ preventScroll: true });
  select(word);
}
function closeSearch() {
  field.value = "";
  found.hidden = true;
  matches = [];
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}
field.addEventListener("input", search);
field.addEventListener("focus", () => { if (field.value) search(); });
field.addEventListener("blur", () => { found.hidden = true; });
field.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (matches.length) choose((chosen + (event.key === "ArrowDown" ? 1 : matches.length - 1)) % matches.length);
  } else if (event.key === "Enter") { event.preventDefault(); open(chosen); }
  else if (event.key === "Escape") {
    if (field.value) closeSearch();
    else { field.blur(); canvas.focus({ preventScroll: true }); }
    event.stopPropagation();
  }
});

// Pointer, wheel and keys -----------------------------------------------------------------------

const pointers = new Map();
let pressed = null;
canvas.addEventListener("pointerdown", (event) => {
  if (event.button > 0) return;
  halt();
  try { canvas.setPointerCapture(event.pointerId); } catch { /* it has gone */ }
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  pressed = pointers.size === 1 ? { x: event.clientX, y: event.clientY, moved: false } : null;
  hover(-1);
});
canvas.addEventListener("pointermove", (event) => {
  const { clientX: x, clientY: y } = event, before = pointers.get(event.pointerId);
  if (!before) {
    if (event.pointerType === "mouse") {
      const i = wordUnder(x, y, 12);
      hover(i, x, y);
      canvas.classList.toggle("word", i >= 0 || titleUnder(x, y) >= 0);
    }
    return;
  }
  if (pressed && !pressed.moved && Math.hypot(x - pressed.x, y - pressed.y) < 5) return;
  if (pressed) pressed.moved = true;
  canvas.classList.add("moving");
  if (pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const grown = Math.hypot(x - other.x, y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
    const px = (before.x + other.x) / 2, py = (before.y + other.y) / 2;
    go({ scale: scale * grown, x: (px - left) / scale, y: (py - top) / scale, px: (x + other.x) / 2, py: (y + other.y) / 2 });
  } else { left += x - before.x; top += y - before.y; draw(); }
  pointers.set(event.pointerId, { x, y });
});
function release(event) {
  if (!pointers.delete(event.pointerId)) return;
  canvas.classList.remove("moving");
  if (event.type === "pointerup" && pressed && !pressed.moved) {
    const i = wordUnder(event.clientX, event.clientY, event.pointerType === "mouse" ? 12 : 24);
    const title = titleUnder(event.clientX, event.clientY);
    if (i >= 0) select(i);
    else if (title >= 0) showCluster(title);
    else if (selected >= 0) select(-1);
  }
  pressed = null;
}
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => hover(-1));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 300 : 1;
  const amount = Math.max(-240, Math.min(240, event.deltaY * lines));
  hover(-1);
  zoom(Math.exp(-amount * (event.ctrlKey ? 0.01 : 0.0022)), event.clientX, event.clientY);
}, { passive: false });
canvas.addEventListener("dblclick", (event) => {
  if (wordUnder(event.clientX, event.clientY, 12) < 0) zoom(2, event.clientX, event.clientY, true);
});
const pan = (dx, dy) => fly({ scale, x: (width / 2 + dx - left) / scale, y: (height / 2 + dy - top) / scale, px: width / 2, py: height / 2 });
const centre = () => middle(room());
const KEYS = {
  "+": () => zoom(1.6, centre().px, centre().py, true), "=": () => KEYS["+"](),
  "-": () => zoom(1 / 1.6, centre().px, centre().py, true), "_": () => KEYS["-"](), "−": () => KEYS["-"](),
  "0": () => fly(home()),
  "/": () => { field.focus(); field.select(); },
  "?": () => help($("help").hidden), d: () => toggleTheme(), D: () => toggleTheme(),
  ArrowLeft: () => pan(-120, 0), ArrowRight: () => pan(120, 0), ArrowUp: () => pan(0, -120), ArrowDown: () => pan(0, 120),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    if (!$("help").hidden) help(false);
    else if (selected >= 0) select(-1);
    return;
  }
  if (event.target === field) return;
  const inControl = event.target.closest && event.target.closest("button, summary, #card");
  if (KEYS[event.key] && !(inControl && event.key.startsWith("Arrow"))) { event.preventDefault(); KEYS[event.key](); }
});
function help(open) {
  $("help").hidden = !open;
  $("about").setAttribute("aria-expanded", String(open));
  (open ? $("done") : canvas).focus();
}
$("in").onclick = KEYS["+"];
$("out").onclick = KEYS["-"];
$("whole").onclick = KEYS["0"];
$("theme").onclick = () => toggleTheme();
$("about").onclick = KEYS["?"];
$("done").onclick = () => help(false);

// Dark and light ---------------------------------------------------------------------------------

const darkness = matchMedia("(prefers-color-scheme: dark)");
const THEMES = ["light", "dark"];
let preferred = null;
try { preferred = localStorage.getItem("w2v-map-theme"); } catch { /* a sandbox has none */ }
function applyTheme(name) {
  theme = name ?? (THEMES.includes(preferred) ? preferred : darkness.matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  showLegend();
  if (selected >= 0) showCard(selected);
  draw();
}
function toggleTheme() {
  preferred = theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("w2v-map-theme", preferred); } catch { /* as above */ }
  applyTheme();
}
darkness.addEventListener("change", () => applyTheme());

// The clusters -----------------------------------------------------------------------------------

function showLegend() {
  $("names").replaceChildren(...data.clusters.map((cluster, at) => {
    const light = (on) => () => { lit = on ? at : -1; draw(); };
    return make("li", {}, make("button", { type: "button", onclick: () => { select(-1); showCluster(at); }, onpointerenter: light(true),
      onpointerleave: light(false), onfocus: light(true), onblur: light(false) },
      dot(at), nameOf(at), make("span", { class: "number", text: number(members[at].length) })));
  }));
}

// The start --------------------------------------------------------------------------------------

$("title").textContent = shown(data.title);
$("facts").textContent = data.facts;
$("clusters").textContent = number(data.clusters.length);
$("legend").hidden = data.clusters.length < 2;
$("legend").open = !narrow.matches && innerHeight > 620;
canvas.setAttribute("aria-label", `Map of ${number(size)} words; press / to search`);
applyTheme();
resize();
readAddress(false);
addEventListener("resize", resize);
addEventListener("popstate", () => readAddress(true));
addEventListener("hashchange", () => readAddress(true));
addEventListener("beforeprint", () => { applyTheme("light"); paint(); });
addEventListener("afterprint", () => applyTheme());
paint();

// What tests and other programs may ask.
window.w2vMap = Object.freeze({
  labels: () => drawn.map((box) => ({ ...box, word: box.i < 0 ? null : words[box.i], text: box.i < 0 ? null : texts[box.i] })),
  view: () => ({ scale, left, top, fit, most: most(), selected: selected < 0 ? null : words[selected], theme, width, height, moving: moving !== null }),
  frames: () => frames,
  shows: () => Array.from(from),
  position: (word) => { const i = rowOf.get(word); return { x: X[i] * scale + left, y: Y[i] * scale + top }; },
  links: () => links.map((link) => ({ ...link, word: words[link.id] })),
  select: (word) => select(rowOf.has(word) ? rowOf.get(word) : -1),
  zoomTo: (times, px = width / 2, py = height / 2) => { halt(); go({ scale: fit * times, x: (px - left) / scale, y: (py - top) / scale, px, py }); paint(); },
  moveBy: (dx, dy) => { halt(); left += dx; top += dy; paint(); },
  colours: () => ({ ground: GROUND, ink: INK, inks: INKS, dots: PALETTE }),
});
})();

/**
 * Pointer on the heat map: a drag draws a box, a click takes the cell it lands on, a click on a flag chooses its
 * episode. The wheel zooms and pans as it does on the lanes.
 */
import type { App } from "../app.ts";
import { episodesIn } from "../model/episode-book.ts";
import type { EpisodeFacts } from "../model/episodes.ts";
import { cellAt, columnAt, type HeatMap } from "./heat-map.ts";
import { boxAround, type Corner } from "./latency-box.ts";
import { chooseBox, latencyDesk } from "./latency-desk.ts";
import { flagPlace, type StripRows, stripRows } from "./paint-strip.ts";

const DRAG_AFTER_PX = 4;
const WHEEL_ZOOM = 0.0044;

/** Listens until the answer is called. */
export function listenToStrip(app: App, plot: HTMLElement): () => void {
  const desk = latencyDesk(app);
  const stop = new AbortController();
  let press: { readonly x: number; readonly y: number; readonly corner: Corner } | null = null;

  const on = <Type extends keyof HTMLElementEventMap>(
    type: Type,
    run: (event: HTMLElementEventMap[Type]) => void,
  ) => plot.addEventListener(type, run, { signal: stop.signal, passive: type !== "wheel" });

  const ground = (): { map: HeatMap; rows: StripRows } | undefined => {
    const maps = desk.maps.peek();
    if (maps === null) return undefined;
    const side = app.choices.latencySide.peek();
    const map = maps[side];
    const rows = stripRows(map, maps[side === "server" ? "caller" : "server"], plot.clientHeight);
    return rows === undefined ? undefined : { map, rows };
  };
  const place = (event: MouseEvent) => {
    const { left, top } = plot.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const cornerAt = (x: number, y: number, { heat }: StripRows): Corner | undefined => {
    const scale = app.scale.peek();
    if (scale === null) return undefined;
    const inside = Math.min(scale.width - 1, Math.max(0, x));
    return { t: scale.t(inside), us: heat.us(y) };
  };

  on("pointerdown", (event) => {
    const found = ground();
    if (event.button !== 0 || found === undefined) return;
    const { x, y } = place(event);
    const flag = flagAt(app, x, y, found.rows);
    if (flag !== undefined) {
      app.bottlenecks.select(flag);
      return;
    }
    const corner = cornerAt(x, y, found.rows);
    if (corner === undefined) return;
    plot.setPointerCapture(event.pointerId);
    press = { x, y, corner };
  });
  on("pointermove", (event) => {
    const found = ground();
    const { x, y } = place(event);
    const corner = found && cornerAt(x, y, found.rows);
    if (found === undefined || corner === undefined) return;
    if (press === null) {
      hover(app, found.map, found.rows, corner, y);
      plot.dataset["over"] = flagAt(app, x, y, found.rows) === undefined ? "heat" : "flag";
      return;
    }
    const isDrag = Math.hypot(x - press.x, y - press.y) > DRAG_AFTER_PX;
    if (isDrag || desk.drawn.peek() !== null) {
      desk.drawn.value = boxAround(found.map, press.corner, corner);
    }
  });
  on("pointerup", () => {
    const found = ground();
    if (press === null || found === undefined) return;
    const { heat } = found.rows.bands;
    const isOnHeat = press.y >= heat.top && press.y <= heat.top + heat.height;
    const drawn = desk.drawn.peek();
    if (drawn !== null) chooseBox(app, drawn);
    else if (isOnHeat) chooseBox(app, boxAround(found.map, press.corner, press.corner));
    desk.drawn.value = null;
    press = null;
  });
  on("pointercancel", () => {
    desk.drawn.value = null;
    press = null;
  });
  on("pointerleave", () => {
    desk.hover.value = null;
  });
  on("wheel", (event) => {
    const scale = app.scale.peek();
    if (scale === null) return;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey) {
      event.preventDefault();
      app.verbs.zoom(Math.exp(event.deltaY * WHEEL_ZOOM), scale.t(place(event).x));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      app.verbs.pan(sideways / scale.width);
    }
  });
  return () => stop.abort();
}

function flagAt(app: App, x: number, y: number, { bands }: StripRows): EpisodeFacts | undefined {
  const scale = app.scale.peek();
  if (scale === null || y > bands.heat.top) return undefined;
  const shown = episodesIn(app.episodes.list.peek(), scale.viewport);
  return shown.find((episode) => {
    const { x: left, width } = flagPlace(episode, scale);
    return x >= left - 3 && x <= left + width + 3;
  });
}

function hover(app: App, map: HeatMap, { bands }: StripRows, corner: Corner, y: number): void {
  const column = columnAt(map, corner.t);
  const isOnHeat = y >= bands.heat.top && y <= bands.heat.top + bands.heat.height;
  const found = column === undefined || !isOnHeat ? null : { column, band: cellAt(corner.us) };
  const known = latencyDesk(app).hover;
  const isSame =
    known.peek()?.column === found?.column && known.peek()?.band.lowUs === found?.band.lowUs;
  if (!isSame) known.value = found;
}

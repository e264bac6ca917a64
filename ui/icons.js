// The icons of the page: one set, drawn on a 24 × 24 grid with a line that takes the text's colour. An icon says
// nothing to a screen reader: the control that holds it has the name.

import { html } from "./vendor/core.js";

const PATHS = {
  alert: "M12 4 2.8 20h18.4ZM12 10v4.5M12 17.4v.1",
  attach: "M4 16.5 9 11.5l4.5 4.5M12.5 15l3-3 4.5 4.5M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1ZM15 8.5v.1",
  back: "M14.5 6 8.5 12l6 6",
  branch: "M7 4v16M7 14c0-5 10-2 10-8M17 6V4M5 20h4M5 4h4M15 4h4",
  chart: "M4 20h16M6.5 16v-5M11 16V5M15.5 16V9M20 16v-3",
  chat: "M4 5h16v11H10l-4.5 4V16H4Z",
  check: "M5 12.5 10 17.5 19.5 7",
  clock: "M12 7v5l3.5 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z",
  close: "M6 6l12 12M18 6 6 18",
  code: "M8.5 7 3.5 12l5 5M15.5 7l5 5-5 5",
  copy: "M9 9h10v11H9ZM15 5.5V4H5v11h1.5",
  cut: "M4 12h4M10 12h4M16 12h4",
  down: "M12 5v14M6 13l6 6 6-6",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  edit: "M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19ZM13.5 7l3.5 3.5",
  expand: "M6.5 9.5 12 15l5.5-5.5",
  forward: "M9.5 6l6 6-6 6",
  image: "M4 5h16v14H4ZM4 16l5-5 4 4 2.5-2.5L20 17M15 9v.1",
  info: "M12 11v5.5M12 7.6v.1M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z",
  key: "M14.5 4a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM10.5 13.5 4 20v-3M7 17l2 2M15.5 8.5v.1",
  list: "M4 6h2M4 12h2M4 18h2M9.5 6H20M9.5 12H20M9.5 18H20",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9ZM4 7.5l8 4.5 8-4.5M12 12v9",
  more: "M5.5 12v.1M12 12v.1M18.5 12v.1",
  pause: "M9 6v12M15 6v12",
  panel: "M4 5h16v14H4ZM9.5 5v14",
  pin: "M9 4h6l-.8 6 3.3 3.5v1.5h-11v-1.5L9.8 10ZM12 15v5.5",
  play: "M5 6l6 6-6 6M13 6l6 6-6 6",
  plus: "M12 5v14M5 12h14",
  retry: "M19.5 12a7.5 7.5 0 1 1-2.4-5.5M17.5 3v4h-4",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20.5 20.5",
  send: "M12 19.5V5M5.5 11.5 12 5l6.5 6.5",
  settings:
    "M10.3 5.1L10.6 2.8L13.4 2.8L13.7 5.1L15.7 5.9L17.5 4.5L19.5 6.5L18.1 8.3L18.9 10.3L21.2 10.6L21.2 13.4L18.9 13.7L18.1 15.7L19.5 17.5L17.5 19.5L15.7 18.1L13.7 18.9L13.4 21.2L10.6 21.2L10.3 18.9L8.3 18.1L6.5 19.5L4.5 17.5L5.9 15.7L5.1 13.7L2.8 13.4L2.8 10.6L5.1 10.3L5.9 8.3L4.5 6.5L6.5 4.5L8.3 5.9ZM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  sliders: "M4 7h9M19 7h1M16 4.5v5M4 17h2M12 17h8M9 14.5v5",
  star: "M12 4l2.4 5.2 5.6.7-4.1 3.9 1 5.6L12 16.7l-4.9 2.7 1-5.6L4 9.9l5.6-.7Z",
  stop: "M7.5 7.5h9v9h-9Z",
  think: "M12 3.5a6 6 0 0 0-3.5 10.9V17h7v-2.6A6 6 0 0 0 12 3.5ZM9.5 20.5h5",
  tool: "M14.5 6.5a4 4 0 0 1 5-1.8L17 7.2 16.8 9.5l2.2-.2 2.4-2.5a4 4 0 0 1-5.4 4.8L8 19.5a2 2 0 0 1-3-3l8-8a4 4 0 0 1 1.5-2Z",
  trash: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10.5 11v5M13.5 11v5",
};

/** Those whose shape is a surface or a row of dots, not a line. */
const HEAVY = new Set(["more", "stop"]);
/** Those that point along the line of text: the other way where it runs from right to left. */
const TURNING = new Set(["back", "forward"]);

/** @typedef {keyof typeof PATHS} IconName */

/** @param {{name: IconName}} props */
export function Icon({ name }) {
  const kind = HEAVY.has(name) ? "icon icon-heavy" : TURNING.has(name) ? "icon icon-turning" : "icon";
  return html`<svg class=${kind} viewBox="0 0 24 24" aria-hidden="true">
    <path d=${PATHS[name]} />
  </svg>`;
}

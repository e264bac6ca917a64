// Which addresses that a model wrote may be opened, and what a person is told of them first.

import { decode } from "./entities.js";

/**
 * @typedef {object} Address
 * @property {"web" | "mail" | "fragment"} kind
 * @property {string} href  As the browser would normalise it; safe to set.
 * @property {string} host  Where it leads: a host, or the address of a letter; empty for a fragment.
 */

/** Nobody reads a longer one; what stands in it may be the whole conversation. */
const LONGEST = 4_096;

/** Only what a heading of this answer can be called, so that it never is a route of the page. */
const FRAGMENT = /^#[\p{L}\p{N}_-]+$/u;

const PICTURE = /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}$/;
const LONGEST_PICTURE = 700_000;

/** What may be the name of a host in the text of a link, and the ends of file names that are no top-level domains. */
const HOST = /(?:^|[\s("'<@/])((?:[\p{L}\p{N}-]+\.)+[\p{L}-]{2,})(?=$|[\s)"'>/:?#.,!])/u;
const FILE = /\.(?:js|mjs|ts|tsx|jsx|json|html|css|txt|yml|yaml|toml|cpp|java|kt|go|rb|php|png|jpg|pdf|csv|xml|sql)$/i;

/**
 * Read an address. It is allowed by what the browser makes of it, not by how it is written: the browser's own parser
 * drops control characters and white space and lowers the case of the scheme.
 *
 * @param {string} written
 * @returns {Address | null} `null`: may not be opened. Another scheme, this page's own origin, not an address.
 */
export function readAddress(written) {
  const text = decode(written);
  if (FRAGMENT.test(text)) return { kind: "fragment", href: text, host: "" };
  const url = text.length > LONGEST ? null : URL.parse(text);
  if (url === null) return null;
  if (url.protocol === "mailto:") return { kind: "mail", href: url.href, host: url.pathname };
  const isWeb = url.protocol === "https:" || url.protocol === "http:";
  if (!isWeb || url.host === "" || url.origin === location.origin) return null;
  return { kind: "web", href: url.href, host: url.host };
}

/** @param {string} written Whether it is a picture that stands in the text itself and can do nothing but be seen. */
export function isPicture(written) {
  return written.length <= LONGEST_PICTURE && PICTURE.test(written);
}

/**
 * Whether the text of a link may make a person expect another host than it leads to.
 *
 * @param {string} text
 * @param {Address} address
 */
export function misleads(text, { kind, host }) {
  if (kind !== "web") return false;
  if (host.includes("xn--")) return true;
  const named = HOST.exec(text)?.[1];
  if (named === undefined || FILE.test(named)) return false;
  const expected = URL.parse(`https://${named}`)?.hostname ?? "";
  return bare(expected) !== bare(host.replace(/:\d+$/, ""));
}

/** @param {string} host */
function bare(host) {
  return host.toLowerCase().replace(/^www\./, "");
}

// Pictures that a person attaches: which are taken, and how they are shown small.

import { html, useEffect, useState } from "../vendor/core.js";
import { newId } from "../ids.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";

/** @typedef {import("../types.js").Picture} Picture */

/** What every vision model reads. SVG is none of them: it is a document that can hold scripts. */
export const PICTURE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif"];

const MB = 1_000_000;
/** As base64 in JSON they grow by a third; the gateway takes 64 MiB (`server.max_body_bytes`), and history comes with. */
export const LIMITS = { count: 8, bytes: 15 * MB, totalBytes: 30 * MB };

/**
 * Take what can be attached.
 *
 * @param {Iterable<File>} files
 * @param {readonly Picture[]} have  What is attached already.
 * @returns {{pictures: Picture[], problems: string[]}} All that are attached now, and a sentence for each that is not.
 */
export function attach(files, have) {
  const pictures = [...have];
  const problems = [];
  for (const file of files) {
    const problem = problemOf(file, pictures);
    if (problem === "") pictures.push({ id: newId(), name: file.name, type: file.type, blob: file });
    else problems.push(problem);
  }
  return { pictures, problems };
}

/**
 * @param {File} file
 * @param {readonly Picture[]} have
 */
function problemOf(file, have) {
  const name = file.name || file.type;
  if (!PICTURE_TYPES.includes(file.type)) return t("picture.kind", { name });
  if (have.length >= LIMITS.count) return t("picture.count", { name, limit: LIMITS.count });
  if (file.size > LIMITS.bytes) return t("picture.size", { name, limit: LIMITS.bytes / MB });
  const total = have.reduce((sum, { blob }) => sum + blob.size, file.size);
  return total > LIMITS.totalBytes ? t("picture.total", { name, limit: LIMITS.totalBytes / MB }) : "";
}

/**
 * @param {DataTransfer | null} data  What is pasted or dropped.
 * @returns {File[]} Empty where it is text: a word processor's clipboard has a picture of the text beside it.
 */
export function filesOf(data) {
  if (data === null || data.types.includes("text/plain")) return [];
  return [...data.files];
}

/** @param {{pictures: readonly Picture[], remove?: (picture: Picture) => void}} props */
export function Pictures({ pictures, remove }) {
  if (pictures.length === 0) return null;
  return html`<ul class="pictures">
    ${pictures.map((picture) => html`<${Thumbnail} key=${picture.id} picture=${picture} remove=${remove} />`)}
  </ul>`;
}

/** @param {{picture: Picture, remove?: (picture: Picture) => void}} props */
function Thumbnail({ picture, remove }) {
  const address = useObjectUrl(picture.blob);
  const name = picture.name || t("export.picture", { name: picture.type });
  return html`<li class="picture">
    <a href=${address} target="_blank" rel="noopener" title=${name} aria-label=${t("picture.open", { name })}>
      ${address && html`<img src=${address} alt=${name} decoding="async" />`}
    </a>
    ${remove &&
    html`<button type="button" class="picture-remove" aria-label=${t("picture.remove", { name })}
      onClick=${() => remove(picture)}><${Icon} name="close" /></button>`}
  </li>`;
}

/**
 * An address for a blob, given back when the view goes.
 *
 * @param {Blob} blob
 */
function useObjectUrl(blob) {
  const [address, setAddress] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return address;
}

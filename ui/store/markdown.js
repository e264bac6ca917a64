// A thread as a Markdown document, for reading elsewhere.

import { t } from "../strings.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Thread} Thread */

/**
 * @param {Thread} thread
 * @param {Message[]} messages Of the branch that is shown, the first one first.
 * @returns {string}
 */
export function markdown(thread, messages) {
  const title = (thread.title || thread.opening || t("export.untitled")).replace(/\s+/g, " ").trim();
  return [`# ${title}`, ...messages.map(section)].join("\n\n") + "\n";
}

/** @param {Message} message */
function section(message) {
  const who = message.role === "user" ? [t("export.user")] : [t("export.assistant"), message.model];
  const parts = [
    `## ${who.filter(Boolean).join(" · ")}`,
    ...message.pictures.map((picture) => `*${t("export.picture", { name: picture.name })}*`),
    closed(message.content.replace(/^(\s*\n)+|\s+$/g, "")),
    ...message.tools.map((tool) => fenced(`${tool.name}(${tool.arguments})`)),
    ending(message),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** @param {Message} message */
function ending({ status, failure }) {
  if (status === "done") return "";
  if (status === "stopped") return `*${t("export.stopped")}*`;
  return `*${t("export.failed", { code: failure?.code ?? "INTERRUPTED" })}*`;
}

/**
 * Close a code block that an answer was cut off in: it would swallow everything after it.
 *
 * @param {string} text
 */
function closed(text) {
  let open = "";
  for (const [, marks, info] of text.matchAll(/^ {0,3}(`{3,}|~{3,})([^\n]*)$/gm)) {
    if (open === "") open = marks[0] === "`" && info.includes("`") ? "" : marks;
    else if (marks.startsWith(open) && info.trim() === "") open = "";
  }
  return open === "" ? text : `${text}\n${open}`;
}

/** @param {string} text */
function fenced(text) {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([marks]) => marks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}

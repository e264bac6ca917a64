// The request of a thread as a program: what would be sent now, or what was sent last.

import { html, signal, useEffect, useId, useLayoutEffect, useRef, useSignal } from "../vendor/core.js";
import { newMessage } from "../chat/message_rows.js";
import { highlight } from "../markdown/highlight.js";
import { defaultModel } from "../models.js";
import { settings } from "../settings.js";
import { chatBody } from "../stream/body.js";
import { t } from "../strings.js";
import { CopyButton } from "./copy_button.js";
import { Dialog } from "./dialog.js";
import { curl, javascript, pictureFiles, python } from "./snippets.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("./snippets.js").CodeRequest} CodeRequest */

const LANGUAGES = Object.freeze(
  /** @type {const} */ ([
    { name: "curl", write: curl, coloured: "bash", hint: "code.curlHint" },
    { name: "Python", write: python, coloured: "python", hint: "code.pythonHint" },
    { name: "JavaScript", write: javascript, coloured: "javascript", hint: "code.javascriptHint" },
  ]),
);

/** The language that was last looked at: one is asked for again and again. */
const chosen = signal(0);

/** @param {{thread: OpenThread, open: import("../vendor/core.js").Signal<boolean>}} props */
export function CodeDialog({ thread, open }) {
  return html`<${Dialog} open=${open} title=${t("code.title")} size="large" testid="code-dialog">
    <${Code} thread=${thread} />
  <//>`;
}

/** @param {{thread: OpenThread}} props */
function Code({ thread }) {
  const request = useSignal(/** @type {CodeRequest | null} */ (null));
  const problem = useSignal("");
  const id = useId();
  useEffect(() => {
    requestOf(thread).then(
      (made) => (request.value = made),
      (error) => (problem.value = String(error?.message ?? error)),
    );
  }, [thread]);
  if (problem.value !== "") {
    const said = t("code.problem", { reason: problem.value });
    return html`<p class="callout callout-danger" role="alert">${said}</p>`;
  }
  if (request.value === null) return null;
  const { name, write, hint, coloured } = LANGUAGES[chosen.value];
  const code = write(request.value);
  const files = pictureFiles(request.value).map(({ file }) => file);
  return html`<div class="code-head">
      <${Tabs} id=${id} />
      <${CopyButton} text=${() => code} label=${t("code.copy", { language: name })} shown=${t("code.copyShort")} />
    </div>
    <div role="tabpanel" id=${`${id}-panel`} aria-labelledby=${`${id}-${chosen.value}`} class="code-panel">
      <pre class="code-text" tabindex="0" dir="ltr" data-testid="code-text">
        <${Text} key=${name} code=${code} language=${coloured} />
      </pre>
      <ul class="code-notes">
        <li>${t(hint)}</li>
        <li>${t("code.key")}</li>
        ${files.length > 0 && html`<li>${t("code.pictures", { count: files.length, files: files.join(", ") })}</li>`}
        ${isExample(thread) && html`<li>${t("code.exampleHint")}</li>`}
      </ul>
    </div>`;
}

/** @param {{code: string, language: string}} props The highlighter makes the nodes, once it is there. */
function Text({ code, language }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    const shown = /** @type {HTMLElement} */ (element.current);
    shown.textContent = code;
    shown.dataset.language = language;
    highlight(shown).catch(() => {}); // plain code is as right as coloured code
  }, [code]);
  return html`<code ref=${element}></code>`;
}

/** @param {{id: string}} props */
function Tabs({ id }) {
  /** @param {KeyboardEvent & {currentTarget: HTMLElement}} event */
  const walk = (event) => {
    const count = LANGUAGES.length;
    const rtl = document.documentElement.dir === "rtl" ? -1 : 1;
    const steps = { ArrowRight: chosen.value + rtl, ArrowLeft: chosen.value - rtl, Home: 0, End: count - 1 };
    const next = Reflect.get(steps, event.key);
    if (next === undefined) return;
    event.preventDefault();
    chosen.value = (next + count) % count;
    /** @type {HTMLElement} */ (event.currentTarget.children[chosen.value]).focus();
  };
  return html`<div class="segments" role="tablist" aria-label=${t("code.language")} onKeyDown=${walk}>
    ${LANGUAGES.map(
      ({ name }, index) => html`<button
        key=${name}
        type="button"
        role="tab"
        class="segment"
        id=${`${id}-${index}`}
        aria-selected=${index === chosen.value}
        aria-controls=${`${id}-panel`}
        tabindex=${index === chosen.value ? 0 : -1}
        onClick=${() => (chosen.value = index)}
      >
        ${name}
      </button>`,
    )}
  </div>`;
}

/**
 * @param {OpenThread} thread
 * @returns {Promise<CodeRequest>}
 */
async function requestOf(thread) {
  const { model, system, parameters } = thread.thread.peek();
  const messages = isExample(thread) ? [question(t("code.example"), [])] : messagesOf(thread);
  const asked = { model: model || defaultModel.peek(), system, parameters, messages, stream: settings.peek().stream };
  return { origin: location.origin, body: await chatBody(asked) };
}

/** @param {OpenThread} thread Whether there is nothing to send yet, so that an example stands in. */
function isExample(thread) {
  return messagesOf(thread).length === 0;
}

/**
 * With what is typed as the last question; without it, the question that was asked last, not its answer.
 *
 * @param {OpenThread} thread
 */
function messagesOf({ path, draft, pictures }) {
  const said = path.peek();
  const typed = draft.peek().trim() !== "" || pictures.peek().length > 0;
  if (typed) return [...said, question(draft.peek(), pictures.peek())];
  const asked = said.findLastIndex((message) => message.role === "user");
  return said.slice(0, asked + 1);
}

/**
 * @param {string} content
 * @param {import("../types.js").Picture[]} pictures
 */
function question(content, pictures) {
  return newMessage({ thread: "", parent: null, role: "user", content, pictures, created: Date.now() });
}

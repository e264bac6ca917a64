import { createFollower } from "/ui/app/chat/follower.js";
import { newMessage } from "/ui/app/chat/message_rows.js";
import { assertEqual, test } from "./harness.js";

/** @typedef {import("/ui/app/tabs/channel.js").TabMessage} TabMessage */
/** @typedef {import("/ui/app/types.js").Message} Message */

const ROW = { ...newMessage({ thread: "t", parent: null, role: "assistant", created: 0 }), id: "m" };

/** A follower, what it has said, and what a view of it has painted. */
function following() {
  /** @type {TabMessage[]} */
  const said = [];
  const painted = { text: "", anew: 0 };
  /** @type {import("/ui/app/tabs/channel.js").Channel} */
  const channel = { tab: "me", post: (message) => void said.push(message), onMessage: () => () => {}, close() {} };
  const follower = createFollower({
    thread: "t",
    channel,
    now: () => 0,
    onLive(live) {
      painted.anew += 1;
      painted.text = live.message.content;
      live.subscribe((delta) => (painted.text += delta.kind === "content" ? delta.text : ""));
    },
  });
  return {
    follower,
    painted,
    asked: () => said.filter(({ type }) => type === "ask").length,
    /** @param {number} seq @param {string} text @param {string} [run] */
    step: (seq, text, run = "r") =>
      follower.receive({ type: "step", thread: "t", run, seq, delta: { kind: "content", text } }),
    /** @param {number} seq @param {Partial<Message>} has @param {string} [run] @param {string} [to] */
    snapshot: (seq, has, run = "r", to = "me") =>
      follower.receive({
        type: "snapshot",
        thread: "t",
        to,
        run,
        seq,
        message: { ...ROW, ...has },
        status: "streaming",
        startedAt: 0,
        firstAt: null,
        tokens: 0,
      }),
  };
}

test("steps that come before the snapshot are taken after it, and only those it does not hold", () => {
  const { follower, painted, step, snapshot, asked } = following();
  [step(3, "c"), step(4, "d"), step(5, "e")];
  assertEqual(null, follower.live());

  snapshot(4, { content: "abcd" });
  step(6, "f");

  assertEqual(["abcdef", "abcdef", 1], [follower.live()?.message.content, painted.text, asked()]);
});

test("a step that comes twice is taken once", () => {
  const { painted, step, snapshot } = following();
  snapshot(1, { content: "a" });

  [step(2, "b"), step(2, "b"), step(1, "a"), step(3, "c")];

  assertEqual("abc", painted.text);
});

test("after a gap the next snapshot fills in what is missing, without painting anew", () => {
  const { painted, step, snapshot, asked } = following();
  snapshot(1, { content: "a" });
  [step(3, "c"), step(4, "d"), step(5, "e")];
  assertEqual(["a", 2], [painted.text, asked()]);

  snapshot(3, { content: "abc", reasoning: "hm", tools: [{ id: "1", name: "n", arguments: "{}" }] });

  assertEqual(["abcde", 1, 2], [painted.text, painted.anew, asked()]);
});

test("a new owner is asked where it is; what it has not seen is painted anew", () => {
  const { painted, step, snapshot, follower, asked } = following();
  snapshot(2, { content: "ab" });
  follower.receive({ type: "live", thread: "t", run: "r2" });
  step(1, "X", "r2");
  assertEqual(2, asked());

  snapshot(1, { content: "aX" }, "r2");

  assertEqual(["aX", 2], [painted.text, painted.anew]);
});

test("what is for another tab is not taken", () => {
  const { follower, snapshot } = following();

  snapshot(1, { content: "a" }, "r", "another");

  assertEqual(null, follower.live());
});

test("a status is a step, too", () => {
  const { follower, snapshot } = following();
  snapshot(1, {});

  follower.receive({ type: "step", thread: "t", run: "r", seq: 2, status: "waiting" });

  assertEqual("waiting", follower.live()?.status.value);
});

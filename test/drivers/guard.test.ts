import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Completion, completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { Part } from "../../src/core/message.ts";
import type { ChatRequest } from "../../src/core/request.ts";
import type { DriverOptions } from "../../src/drivers/driver.ts";
import { type Abilities, type Driver, trusted } from "../../src/drivers/driver.ts";
import { guard } from "../../src/drivers/guard.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { callOptions, question } from "./call-options.ts";

const everything: Abilities = {
  images: true,
  files: true,
  tools: true,
  responseFormat: "json_schema",
  choices: true,
};
const nothing: Abilities = {
  images: false,
  files: false,
  tools: false,
  responseFormat: "text",
  choices: false,
};

type Chat = (request: ChatRequest, options: DriverOptions) => unknown;

function driverOf(chat: Chat, more: Partial<Driver> = {}): Driver {
  return { name: "outsider", abilities: everything, chat: chat as Driver["chat"], ...more };
}

function watched() {
  const clock = new FakeClock();
  const warnings: string[] = [];
  const logger = { debug() {}, info() {}, warn: (line: string) => void warnings.push(line) };
  const counters = { abandoned: 0 };
  return { clock, warnings, counters, parts: { clock, logger: () => logger, counters } };
}

const hi = completion("Hi.", { inputTokens: 3, outputTokens: 2, model: "m1" });
const reason = new TrunklineError("aborted", "the caller left");

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

async function failure(promise: Promise<unknown>): Promise<TrunklineError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(TrunklineError);
  return error as TrunklineError;
}

const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

describe("start-up", () => {
  test("init runs once for any number of calls that come together", async () => {
    let inits = 0;
    const init = async (): Promise<void> => void inits++;
    const call = guard(
      driverOf(async () => hi, { init }),
      watched().parts,
    );
    await Promise.all(Array.from({ length: 50 }, () => call(question(), callOptions())));
    await call(question(), callOptions());
    expect(inits).toBe(1);
  });

  test("Z3: a failed init fails those who waited for it and is forgotten", async () => {
    let inits = 0;
    let chats = 0;
    const init = async (): Promise<void> => {
      if (++inits === 1) throw Object.assign(new Error("no route"), { code: "ECONNREFUSED" });
    };
    const driver = driverOf(
      async () => {
        chats++;
        return hi;
      },
      { init },
    );
    const call = guard(driver, watched().parts);
    const errors = await Promise.all([1, 2, 3].map(() => failure(call(question(), callOptions()))));
    expect(errors.map((error) => [error.code, error.provider])).toEqual(
      Array(3).fill(["network", "outsider"]),
    );
    expect([inits, chats]).toEqual([1, 0]);
    expect((await call(question(), callOptions())).text).toBe("Hi.");
    expect(inits).toBe(2);
  });

  test("a start that never ends is given up when the attempt's time is over", async () => {
    const { parts, clock, counters } = watched();
    const call = guard(
      driverOf(async () => hi, { init: () => new Promise(() => {}) }),
      parts,
    );
    const late = failure(call(question(), callOptions({ timeout: 1_000 })));
    await clock.advance(1_000);
    expect(await late).toMatchObject({
      code: "timeout",
      phase: "connect",
      sent: false,
      provider: "outsider",
    });
    expect([clock.pending, counters.abandoned]).toEqual([0, 0]);
  });

  test("a driver that started after the call's deadline is not asked any more", async () => {
    const { parts, clock } = watched();
    const gate = deferred<void>();
    let chats = 0;
    const chat = async () => {
      chats++;
      return hi;
    };
    const driver = driverOf(chat, { init: () => gate.promise });
    const late = failure(guard(driver, parts)(question(), callOptions({ deadlineAt: clock.now() + 1_000 })));
    await clock.advance(1_001);
    gate.resolve();
    expect(await late).toMatchObject({ code: "timeout", phase: "total", sent: false });
    expect([chats, clock.pending]).toEqual([0, 0]);
  });

  test.each([
    [{ name: "" }, 'driver: name: expected a string, got ""'],
    [{ chat: undefined }, "driver outsider: chat: expected a function, got undefined"],
    [{ abilities: undefined }, "driver outsider: abilities.images: expected true, false"],
    [
      { abilities: { ...everything, tools: undefined } },
      "driver outsider: abilities.tools: expected true, false",
    ],
    [{ abilities: { ...everything, images: "yes" } }, 'abilities: images: expected true or false, got "yes"'],
    [{ abilities: { ...everything, sound: true } }, 'unknown option "sound"'],
  ])("what is no driver is refused at once: %o", (wrong, says) => {
    const make = () => guard({ ...driverOf(async () => hi), ...wrong } as Driver, watched().parts);
    expect(make).toThrow(TrunklineError);
    expect(make).toThrow(says);
  });

  test("a caller that leaves while the driver starts is settled at once and never asked for", async () => {
    const gate = deferred<void>();
    let chats = 0;
    const driver = driverOf(
      async () => {
        chats++;
        return hi;
      },
      { init: () => gate.promise },
    );
    const { parts, clock } = watched();
    const call = guard(driver, parts);
    const controller = new AbortController();
    const left = failure(call(question(), callOptions({ signal: controller.signal })));
    const stays = call(question(), callOptions());
    controller.abort(reason);
    expect(await left).toBe(reason);
    gate.resolve();
    expect((await stays).text).toBe("Hi.");
    expect(chats).toBe(1);
    expect(clock.pending).toBe(0);
  });
});

describe("abilities", () => {
  const image = { type: "image", url: "https://example.org/a.png" } as const;
  const file = { type: "file", data: "JVBERi0=", mediaType: "application/pdf" } as const;
  const tool = { name: "look", inputSchema: { type: "object" } };
  const asked = (parts: readonly Part[]): ChatRequest =>
    question([
      { role: "system", content: "s" },
      { role: "user", content: parts },
    ]);

  test.each([
    [
      "images",
      asked([{ type: "text", text: "t" }, image]),
      "the image part messages[1].content[1]",
      "images",
    ],
    ["files", asked([file]), "the file part messages[1].content[0]", "files"],
    ["tools", question("q", { tools: [tool] }), "tools", "tools"],
    ["choices", question("q", { n: 2 }), "`n` must be 1, got 2", "choices"],
    ["json", question("q", { responseFormat: { type: "json" } }), 'responseFormat "json"', "json"],
    [
      "json_schema",
      question("q", { responseFormat: { type: "json_schema", schema: {} } }),
      'responseFormat "json_schema"',
      "text",
    ],
  ])(
    "a request that asks for more %s than the driver has is refused unsent",
    async (_, request, what, ability) => {
      let chats = 0;
      const chat = async (): Promise<Completion> => {
        chats++;
        return hi;
      };
      const error = await failure(
        guard(driverOf(chat, { abilities: nothing }), watched().parts)(request, callOptions()),
      );
      expect(error).toMatchObject({ code: "bad_request", provider: "outsider", model: "m1", sent: false });
      expect(error.message).toContain("outsider cannot carry");
      expect(error.message).toContain(what);
      expect(error.message).toContain(ability);
      expect(chats).toBe(0);
      await guard(driverOf(chat), watched().parts)(request, callOptions());
      expect(chats).toBe(1);
    },
  );

  test("what a driver can carry passes: text parts, empty tools, n of 1, a form below its own", async () => {
    const json: Abilities = { ...nothing, responseFormat: "json_schema" };
    const call = guard(
      driverOf(async () => hi, { abilities: json }),
      watched().parts,
    );
    await call(question("q", { tools: [], n: 1, responseFormat: { type: "json" } }), callOptions());
    await call(asked([{ type: "text", text: "t" }]), callOptions());
  });
});

describe("abort", () => {
  for (const own of [false, true]) {
    const make = (chat: Chat): Driver => (own ? trusted(driverOf(chat)) : driverOf(chat));
    const whose = own ? "our own driver" : "an outside driver";

    test(`${whose}: an aborted signal means that nothing is called`, async () => {
      let chats = 0;
      const call = guard(
        make(async () => {
          chats++;
          return hi;
        }),
        watched().parts,
      );
      expect(await failure(call(question(), callOptions({ signal: AbortSignal.abort(reason) })))).toBe(
        reason,
      );
      expect(chats).toBe(0);
    });

    test(`${whose}: it hears the abort, and its AbortError becomes the caller's reason`, async () => {
      const controller = new AbortController();
      const { parts, clock } = watched();
      const call = guard(
        make(
          (_, { signal }) =>
            new Promise((_resolve, reject) => {
              signal!.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
            }),
        ),
        parts,
      );
      const left = failure(call(question(), callOptions({ signal: controller.signal })));
      controller.abort(reason);
      expect(await left).toBe(reason);
      expect(clock.pending).toBe(0);
    });

    test(`${whose}: one that never ends is written off, counted, and warned of once by name`, async () => {
      const late = [deferred<Completion>(), deferred<Completion>(), deferred<Completion>()];
      let chats = 0;
      const { parts, clock, counters, warnings } = watched();
      const call = guard(
        make(() => late[chats++]!.promise),
        parts,
      );
      const controller = new AbortController();
      const { signal } = controller;
      const settled: unknown[] = [];
      for (const _ of late) {
        call(question(), callOptions({ signal, abandonAfter: 5_000 })).catch((error) => settled.push(error));
      }
      controller.abort(reason);
      await clock.advance(4_999);
      expect(settled).toEqual([]);
      await clock.advance(1);
      expect(settled).toEqual([reason, reason, reason]);
      expect(counters.abandoned).toBe(3);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain("outsider");
      late[0]!.resolve(hi);
      late[1]!.reject(new Error("far too late"));
      await clock.advance(1);
      expect(settled).toHaveLength(3);
      expect(clock.pending).toBe(0);
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
    });

    test(`${whose}: an answer that comes in spite of the abort was paid for and is not thrown away`, async () => {
      const answer = deferred<Completion>();
      const controller = new AbortController();
      const { parts, clock } = watched();
      const call = guard(
        make(() => answer.promise),
        parts,
      );
      const waiting = call(question(), callOptions({ signal: controller.signal }));
      controller.abort(reason);
      answer.resolve(hi);
      expect((await waiting).text).toBe("Hi.");
      expect(clock.pending).toBe(0);
    });

    test(`${whose}: no listener stays on the signal, however the call ends`, async () => {
      const { signal } = new AbortController();
      const ends: Chat[] = [
        async () => hi,
        async () => Promise.reject(new Error("no")),
        () => {
          throw new Error("at once");
        },
      ];
      for (const end of ends) {
        await guard(make(end), watched().parts)(question(), callOptions({ signal })).catch(() => {});
        expect(getEventListeners(signal, "abort")).toHaveLength(0);
      }
    });
  }

  test("after a stop the reason is ours, whatever the driver says went wrong", async () => {
    const { parts, clock } = watched();
    const chat: Chat = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal!.addEventListener("abort", () => reject(new TrunklineError("network", "socket hang up")));
      });
    const late = failure(guard(driverOf(chat), parts)(question(), callOptions({ timeout: 10 })));
    await clock.advance(10);
    expect((await late).code).toBe("timeout");
  });

  test("a reason that is no TrunklineError becomes one", async () => {
    const call = guard(
      driverOf(async () => hi),
      watched().parts,
    );
    const error = await failure(call(question(), callOptions({ signal: AbortSignal.abort("tired") })));
    expect(error).toMatchObject({ code: "aborted", cause: "tired" });
  });

  test("an outside driver that does not answer within the timeout is stopped with a timeout error", async () => {
    const { parts, clock } = watched();
    let heard: unknown;
    const call = guard(
      driverOf(
        (_, { signal }) =>
          new Promise((_resolve, reject) => {
            signal!.addEventListener("abort", () => {
              heard = signal!.reason;
              reject(new DOMException("stopped", "AbortError"));
            });
          }),
      ),
      parts,
    );
    const late = failure(call(question(), callOptions({ timeout: 600_000 })));
    await clock.advance(599_999);
    expect(heard).toBeUndefined();
    await clock.advance(1);
    const error = await late;
    expect(error).toBe(heard);
    expect(error).toMatchObject({ code: "timeout", phase: "total", provider: "outsider", model: "m1" });
    expect(error.message).toContain("600000 ms");
    expect(clock.pending).toBe(0);
  });
});

/** What the starter of this worker said in its first argument. */
export function job<T>(): T {
  return JSON.parse(process.argv[2] ?? "null") as T;
}

/** Answers the starter's questions until it is gone. */
export function answer<Question>(reply: (question: Question) => unknown): void {
  process.on("message", async (question) => {
    try {
      process.send!({ value: await reply(question as Question) });
    } catch (error) {
      process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on("disconnect", () => process.exit(0));
}

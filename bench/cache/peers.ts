import { hash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { Cacheable } from "cacheable";
import { LRUCache } from "lru-cache";
import type { Completion } from "../../src/core/completion.ts";
import type { ChatRequest } from "../../src/core/request.ts";

/** The same hit from other stores, with a key made as their users make it. */
export async function peers(
  file: string,
  request: ChatRequest,
  answer: Completion,
): Promise<Record<string, () => unknown>> {
  const keyOf = (): string => hash("sha256", JSON.stringify(request));
  const lru = new LRUCache<string, Completion>({ max: 10_000 });
  lru.set(keyOf(), answer);
  const cacheable = new Cacheable();
  await cacheable.set(keyOf(), answer);
  const sqlite = new Sqlite(file);
  sqlite.set(keyOf(), JSON.stringify(answer));
  return {
    "lru-cache alone": () => lru.get(keyOf()),
    cacheable: () => cacheable.get<Completion>(keyOf()),
    "SQLite (node:sqlite)": () => JSON.parse(sqlite.get(keyOf())!),
  };
}

/** Texts by key in SQLite, as several processes may share it. */
export class Sqlite {
  readonly #get;
  readonly #set;

  constructor(file: string) {
    const db = new DatabaseSync(file, { timeout: 60_000 });
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    db.exec("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT) WITHOUT ROWID");
    this.#get = db.prepare("SELECT answer FROM answers WHERE key = ?");
    this.#set = db.prepare("INSERT OR REPLACE INTO answers VALUES (?, ?)");
  }

  get(key: string): string | undefined {
    return (this.#get.get(key) as { answer: string } | undefined)?.answer;
  }

  set(key: string, answer: string): void {
    this.#set.run(key, answer);
  }
}

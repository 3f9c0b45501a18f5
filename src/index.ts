/**
 * Any number of language-model agents on a few pooled connections.
 *
 * @module
 */

export type { CacheStats } from "./cache/cache.ts";
export type { CacheOptions, Tier } from "./cache/options.ts";
export type { Entry, Store } from "./cache/store.ts";
export { clients } from "./clients/process-clients.ts";
export type { ClientStats, ClientView, CloseOptions, RegistryOptions } from "./clients/registry.ts";
export type { ClientOptions, KeyFunction, TlsOptions } from "./clients/settings.ts";
export type { Price } from "./core/answer.ts";
export type { CallEvent, Delta, Priority } from "./core/call.ts";
export {
  type Choice,
  type Completion,
  type CompletionDetails,
  type Cost,
  completion,
  type FinishReason,
  type Usage,
} from "./core/completion.ts";
export { type ErrorCode, isTrunklineError, type TimeoutPhase, TrunklineError } from "./core/errors.ts";
export type { Logger } from "./core/log.ts";
export type {
  AssistantMessage,
  MediaPart,
  Message,
  Part,
  SystemMessage,
  TextPart,
  ToolCall,
  ToolMessage,
  UserMessage,
} from "./core/message.ts";
export type {
  ChatRequest,
  EmbedOptions,
  Input,
  ResponseFormat,
  Sampling,
  ToolChoice,
  ToolSpec,
} from "./core/request.ts";
export type { CallListener } from "./events/events.ts";
export type { PriceTable } from "./events/price-list.ts";
export type { BatchResult } from "./lm/batch.ts";
export type { CacheChoice, CacheOption } from "./lm/cache-use.ts";
export { DriverLM, type DriverLMOptions } from "./lm/driver-lm.ts";
export type { Embedding, EmbedInit } from "./lm/embedding.ts";
export { type BatchOptions, LM, type LMOptions } from "./lm/lm.ts";
export type { CallInit } from "./lm/options.ts";
export { cache, events } from "./lm/process.ts";
export type { Progress } from "./lm/rows.ts";
export { type ContextSettings, configure, context, currentLM, type Settings } from "./lm/settings.ts";
export { getSharedLM } from "./lm/shared.ts";
export type { CompletionStream } from "./lm/stream.ts";

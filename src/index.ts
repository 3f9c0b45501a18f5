/**
 * Any number of language-model agents on a few pooled connections.
 *
 * @module
 */

export type {
  Adapter,
  Demo,
  FieldEvent,
  FieldReader,
  Form,
  Plan,
  Question,
  Reading,
} from "./adapter/adapter.ts";
export type { AdapterChoice, AdapterName } from "./adapter/adapters.ts";
export { ChatAdapter } from "./adapter/chat.ts";
export { JSONAdapter } from "./adapter/json.ts";
export { XMLAdapter } from "./adapter/xml.ts";
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
export type { Abilities } from "./drivers/driver.ts";
export type { AnswerOptions } from "./evaluate/answers.ts";
export { type EvaluateOptions, evaluate } from "./evaluate/evaluate.ts";
export { Example } from "./evaluate/example.ts";
export type { Interval } from "./evaluate/interval.ts";
export { type Judgement, type JudgeOptions, llmJudge } from "./evaluate/judge.ts";
export type {
  Metric,
  MetricContext,
  MetricResult,
  PredictorFeedback,
  Score,
  ScoreDetails,
} from "./evaluate/metric.ts";
export { normalizeText } from "./evaluate/normalize-text.ts";
export { type BarOptions, type BarStream, progressBar } from "./evaluate/progress-bar.ts";
export type { Report, Result } from "./evaluate/report.ts";
export type { Criterion, Rubric } from "./evaluate/rubric.ts";
export { contains, exactMatch, type FieldMetric, f1 } from "./evaluate/text-metrics.ts";
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
export type { AdapterSetting } from "./lm/scope.ts";
export { type ContextSettings, configure, context, currentLM, type Settings } from "./lm/settings.ts";
export { getSharedLM } from "./lm/shared.ts";
export type { CompletionStream } from "./lm/stream.ts";
export type { AttemptOptions, Reward } from "./program/attempts.ts";
export { BestOfN } from "./program/best-of.ts";
export { ChainOfThought, type Reasoned } from "./program/chain-of-thought.ts";
export {
  ChatAgent,
  type ChatAgentOptions,
  type ChatEvent,
  type ChatInit,
  type ChatStream,
} from "./program/chat-agent.ts";
export type { ChatReply } from "./program/chat-turn.ts";
export type { ChatMessage } from "./program/conversation.ts";
export type { DeltaEvent, FieldValueEvent, ProgramEvent, RestartEvent, ToolEvent } from "./program/events.ts";
export { type InputOf, Module, type PredictionOf } from "./program/module.ts";
export { Predict, type Prediction, type PredictOptions } from "./program/predict.ts";
export type { Predictor } from "./program/predictors.ts";
export { type NextStep, ReAct, type ReActOptions, type Reacted } from "./program/react.ts";
export { Refine } from "./program/refine.ts";
export type { ProgramRow, ProgramRowsOptions } from "./program/rows.ts";
export type { RunInit } from "./program/run-init.ts";
export {
  type About as StateAbout,
  type ApplyOptions,
  applyState,
  type Origin,
  type ProgramState,
  stateOf,
} from "./program/state.ts";
export type { LoadOptions } from "./program/state-file.ts";
export type { ProgramStream, StreamEvent } from "./program/stream.ts";
export {
  type AnyTool,
  type Tool,
  type ToolArguments,
  type ToolContext,
  type Tools,
  tool,
} from "./program/tool.ts";
export type { ToolOutcome } from "./program/tool-calls.ts";
export { type Trace, traceOf } from "./program/trace.ts";
export type { TraceData, TraceEntry, TraceError, TraceModule, TraceTool } from "./program/trace-data.ts";
export type { ReActStep } from "./program/trajectory.ts";
export type { FieldValues } from "./signature/check.ts";
export { type InputsOf, type OutputsOf, type SignatureSpec, signature } from "./signature/make.ts";
export {
  type FilePart,
  file,
  type History,
  type ImagePart,
  image,
  type MediaOptions,
} from "./signature/media.ts";
export { type FieldChange, Signature } from "./signature/signature.ts";
export type { Field, FieldType, JsonSchema, SideName, StandardSchema } from "./signature/types.ts";

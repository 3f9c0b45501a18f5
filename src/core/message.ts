/** A piece of text inside a message. */
export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/** An image or a file: either its bytes (base64 text or a Uint8Array) with a media type, or its address. */
export interface MediaPart {
  readonly type: "image" | "file";
  readonly data?: string | Uint8Array;
  readonly url?: string;
  readonly mediaType?: string;
  readonly name?: string;
}

export type Part = TextPart | MediaPart;

/** What the model wants called. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** The parsed arguments; an empty object when the model's text could not be read. */
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The arguments exactly as the model sent them. */
  readonly argumentsText: string;
}

export interface SystemMessage {
  readonly role: "system";
  readonly content: string | readonly Part[];
}

export interface UserMessage {
  readonly role: "user";
  readonly content: string | readonly Part[];
}

export interface AssistantMessage {
  readonly role: "assistant";
  readonly content: string;
  readonly toolCalls?: readonly ToolCall[];
  /** The model's visible thinking, where the provider sends it. */
  readonly reasoning?: string;
  /**
   * What a provider wants to see again with this turn (signatures of its thinking), by the name of its wire: plain
   * data that only that wire understands and every other one leaves out.
   */
  readonly opaque?: Readonly<Record<string, unknown>>;
}

export interface ToolMessage {
  readonly role: "tool";
  readonly toolCallId: string;
  readonly content: string | readonly Part[];
}

/** One turn of a conversation. */
export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage;

/** The text of a message's content, media left out. */
export function textOf(content: string | readonly Part[]): string {
  if (typeof content === "string") return content;
  let text = "";
  for (const part of content) if (part.type === "text") text += part.text;
  return text;
}

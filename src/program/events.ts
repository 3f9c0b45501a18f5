/** A piece of a text field while it is written, or of any other field as the model writes it. */
export interface DeltaEvent {
  readonly type: "delta";
  readonly predictor: string;
  readonly field: string;
  readonly text: string;
}

/** The value of a field. */
export interface FieldValueEvent {
  readonly type: "field";
  readonly predictor: string;
  readonly field: string;
  readonly value: unknown;
}

/** A predictor asks again because its answer could not be read: what it said so far does not hold. */
export interface RestartEvent {
  readonly type: "restart";
  readonly predictor: string;
}

/** What happened to one tool call. */
export type ToolEvent = {
  readonly type: "tool";
  readonly predictor?: string;
  readonly id: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
} & (
  | { readonly state: "called" }
  | { readonly state: "returned"; readonly result: unknown }
  | { readonly state: "failed"; readonly error: string }
);

/** What a stream of a program shows before its prediction. */
export type ProgramEvent = DeltaEvent | FieldValueEvent | RestartEvent | ToolEvent;

type WithoutName<Event> = Event extends unknown ? Omit<Event, "predictor"> : never;

/** An event as its module says it: the stream puts the name to it. */
export type Unnamed = WithoutName<ProgramEvent>;

// What travels between a caller and a store: `wherry/messages.py` and `wherry/job.py` in JavaScript.
// Durations are integer milliseconds (`_ms`), instants milliseconds since 1970 (`_at_ms`).
// A payload is JSON text inside a string, never parsed on the way: integers beyond 2^53 survive.

export type Payload = string;
export type State = "blocked" | "pending" | "running" | "suspended" | "completed" | "failed" | "cancelled" | "disabled";
export type Verdict = "ok" | "lost" | "cancel" | "duplicate" | "unknown" | "refused";
export type SettleKind = "complete" | "fail" | "cancel" | "disable" | "retry" | "snooze" | "release" | "suspend";
export type Alteration = "cancel" | "requeue" | "disable" | "remove";
export type Lapse = "lease" | "deadline" | "doomed";
export type OnFailure = "fail" | "run" | "cancel";
export type Hold = "queued" | "done" | "period";
export type CountBy = "state" | "queue" | "task";
export type ChangeKind =
  | "added" | "started" | "progress" | "retrying" | "cancelling" | "released" | "suspended"
  | "completed" | "failed" | "cancelled" | "disabled" | "removed";

export interface Unique { key: string; hold: Hold; period_ms?: number }
export interface Edge { parent: string; on_failure?: OnFailure }
export interface Gate { key: string; capacity: number; ttl_ms?: number | null }

export interface NewJob {
  id: string; namespace: string; queue: string; task: string; input: Payload;
  fingerprint?: string; priority?: number; delay_ms?: number | null; run_at_ms?: number | null;
  deadline_at_ms?: number | null; timeout_ms?: number | null; max_attempts?: number; backoff?: Payload;
  unique?: Unique | null; after?: Edge[]; gates?: Gate[]; run_id?: string | null; tags?: string[]; trace?: string | null;
  priority_step_ms?: number; code_hash?: string; place?: string; origin?: string | null; origin_seq?: number | null;
  ordering_key?: string | null;
}

export interface Added { id: string; verdict: Verdict }

export interface Claimed {
  id: string; fence: number; attempt: number; task: string; queue: string; namespace: string; input: Payload;
  max_attempts: number; interruptions: number; backoff: Payload;
  timeout_ms: number | null; deadline_left_ms: number | null; checkpoint: Payload | null; trace: string | null;
}

export interface ClaimRequest {
  token: string; worker: string; namespaces: string[]; queues: string[] | null; tasks: string[];
  limit: number; lease_ms: number; ids?: string[] | null;
}

export interface Wake { after_ms?: number | null; signals?: string[]; jobs?: string[] }

export interface Settlement {
  id: string; fence: number; kind: SettleKind; output?: Payload | null; error?: Payload | null;
  delay_ms?: number; run_at_ms?: number | null; wake?: Wake | null; retain_ms?: number | null; if_lapsed?: boolean;
}

export interface Exchanged { verdicts: Verdict[]; jobs: Claimed[]; next_due_in_ms: number | null }
export interface Lease { id: string; fence: number }

export interface Report {
  id: string; fence: number; percent?: number | null; message?: string | null; details?: Payload | null;
  logs?: Payload[]; step?: [name: string, outcome: Payload] | null;
}

export interface Signal { job_id: string; name: string; payload: Payload; dedup: string }

export interface Filter {
  namespaces?: string[]; ids?: string[] | null; states?: State[] | null; queues?: string[] | null; tasks?: string[] | null;
  run_id?: string | null; fingerprint?: string | null; tags?: string[]; finished_for_ms?: number | null;
  lapsed?: boolean; expired?: boolean; oldest_first?: boolean;
}

export interface Change { job_id: string; namespace: string; kind: ChangeKind; revision: number; lane: string }
export interface Changes { items: Change[]; cursor: string; resync: boolean }
export interface StoredRecord { kind: string; key: string; version: number; value: Payload }
export interface RecordWrite { kind: string; key: string; expected: number | null; value: Payload | null }

/** A job as `get` and `query` return it; an absent field has its default. */
export interface JobRow {
  id: string; namespace: string; queue: string; task: string; state: State; input: Payload; fingerprint: string;
  priority: number; priority_step_ms: number; created_at_ms: number; run_at_ms: number;
  max_attempts: number; base_attempts: number; backoff: Payload; output?: Payload | null; errors?: string;
  attempt: number; interruptions: number; fence: number; epoch?: number; revision: number;
  worker?: string | null; lease_until_ms?: number | null; deadline_at_ms?: number | null; timeout_ms?: number | null;
  started_at_ms?: number | null; attempted_at_ms?: number | null; finished_at_ms?: number | null;
  cancel_requested_at_ms?: number | null; percent?: number | null; message?: string | null; details?: Payload | null;
  run_id?: string | null; unique_key?: string | null; tags?: string[]; trace?: string | null;
  after?: Edge[]; waiting_for?: number; doomed?: string | null; wake?: Wake | null; lapse?: Lapse | null;
  purge_at_ms?: number | null; hidden?: boolean; code_hash?: string; place?: string;
  home?: "local" | "outbox" | "moving" | "remote"; origin?: string | null; origin_seq?: number | null;
  ordering_key?: string | null; behind?: string | null;
}

/** Parameters and result of every verb, by name. */
export interface Verbs {
  add: [{ jobs: NewJob[]; records?: RecordWrite[] }, Added[]];
  exchange: [{ settle: Settlement[]; claim?: ClaimRequest | null }, Exchanged];
  renew: [{ leases: Lease[]; lease_ms: number }, Verdict[]];
  report: [{ reports: Report[] }, Verdict[]];
  signal: [{ signals: Signal[] }, Verdict[]];
  get: [{ ids: string[] }, JobRow[]];
  query: [{ where: Filter; limit: number; cursor?: string | null }, { rows: JobRow[]; next: string | null }];
  count: [{ where: Filter; by?: CountBy[] }, [string[], number][]];
  alter: [{ where: Filter; change: Alteration; limit: number }, string[]];
  changes: [{ since: string; limit: number }, Changes];
  read: [{ kind: string; prefix?: string }, StoredRecord[]];
  write: [{ writes: RecordWrite[] }, boolean];
}
export type VerbName = keyof Verbs;

/** A store as JavaScript sees it; `idb.js` and `remote.js` both make one. */
export interface Store {
  readonly url: string;
  call<N extends VerbName>(name: N, parameters: Verbs[N][0]): Promise<Verbs[N][1]>;
  /** Calls back once when set up, then whenever there may be changes.  Returns what stops it. */
  listen(callback: () => void): () => void;
  close(): Promise<void>;
}

/** A store for Python. */
export interface TextStore extends Store {
  /** One verb as text: a JSON object in, a JSON value out. */
  verb(name: string, text: string): Promise<string>;
}

/** What `idb.js` keeps beside the row, all under `_`; the first five are its indices and follow from the row. */
export interface Inner {
  /** Claim order; only while due. */
  rank?: number;
  /** When it moves up; only while scheduled or asleep. */
  later?: number;
  /** The earliest instant at which it has lapsed. */
  over?: number;
  /** Its state, unless hidden. */
  shown?: State;
  /** Its fingerprint, unless empty. */
  print?: string;
  /** Unfinished jobs it waits for: parents and whom it stands behind, or those of its wake. */
  waits?: string[];
  /** It was put back, and waits for none of the parents it was added with. */
  again?: boolean;
  /** Some job waits, or waited, for this one. */
  waited?: boolean;
  token?: string;
  /** Fence and kind of the last settlement, to know its repeat. */
  settled?: [fence: number, kind: SettleKind];
  hold?: Hold;
  period_ms?: number;
  logs?: number;
  steps?: boolean;
  /** Names of the signals received. */
  signals?: string[];
}
export interface Stored extends JobRow { _: Inner }

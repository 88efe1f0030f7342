// The JavaScript API of wherry: durable jobs in Python, run in this browser or on a server.
// Durations are seconds, instants are Dates.  Every error is a WherryError with a stable `code`.

/// <reference lib="esnext.disposable" />

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type State = "blocked" | "pending" | "running" | "suspended" | "completed" | "failed" | "cancelled" | "disabled";

/**
 * Types of your tasks by name, by declaration merging: `interface Tasks { "text.count": { in: string; out: number } }`.
 * A task without `in` takes no input.  Names that are not listed take any JSON and give `any`.
 */
export interface Tasks {}
type Name = keyof Tasks | (string & {});
type In<N> = N extends keyof Tasks ? (Tasks[N] extends { in: infer I } ? I : null) : Json;
type TaskIn<N> = N extends keyof Tasks ? In<N> : any;
type Out<N> = N extends keyof Tasks ? (Tasks[N] extends { out: infer O } ? O : any) : any;
/** Input and options of a submit: the input may be left out where null will do. */
type Given<N> = null extends In<N> ? [input?: In<N>, options?: SubmitOptions] : [input: In<N>, options?: SubmitOptions];

/** `runtime` while files arrive, then `tasks` (imports), `start`, `ready`.  Bytes as they travel; 0 when not known. */
export interface BootProgress { phase: "runtime" | "tasks" | "start" | "ready"; loaded: number; total: number }

/** Name, defaults and schema of a task, as the manifest of a store has them. */
export interface KnownTask { name: string; queue: string; [fact: string]: unknown }

export interface OpenOptions {
  /** `indexeddb:NAME` for a store in this browser, or the address of a wherry server. */
  url: string;
  /** Task modules: addresses of `.py` or `.whl` files, or `{"app/jobs.py": address}` to say what Python calls them. */
  tasks?: (string | URL | Record<string, string | URL>)[];
  /**
   * What `wherry site` read out of these very modules, so that the first submit of a first visit need not wait for Python; the
   * `wherry.js` that it writes passes it.
   */
  known?: KnownTask[];
  /** Python packages: names, with a version as in `humanize==4.*`, or addresses of wheels. */
  packages?: string[];
  /** A folder made by `build.py site`; without it the runtime beside wherry.js is taken. */
  assets?: string | URL;
  /** False: this tab runs nothing, neither Python nor tasks of its own; it submits and observes. */
  work?: boolean;
  /** Jobs that run at once in one Python, and as many of this page's own tasks; 8 without it. */
  concurrency?: number;
  /** Workers for tasks with `isolation="worker"`, 70 to 110 MB each, started when there is work for them: 1 without it, at most 2 on phones. */
  isolated?: number;
  /** How long, and how many, final jobs are kept; all of them without it. */
  keep?: Partial<Record<"completed" | "failed" | "cancelled", { seconds?: number; jobs?: number }>>;
  /** Seconds that a claim holds without renewal, at least 1; 30 without it. */
  lease?: number;
  /** Part of the name of this tab's worker. */
  name?: string;
  /** True: integers beyond 2^53 are BigInts in what is read, and BigInts may be passed; else they come as the nearest number. */
  bigint?: boolean;
  /** Told while Python starts in this tab. */
  onboot?: (progress: BootProgress) => void;
  /** For a server: a bearer token, or what gives one, asked again when the server refuses it. */
  token?: string;
  getToken?: () => string | Promise<string>;
  /** Works for a server besides: see `ServerOptions`.  Only with an `indexeddb:` store and `tasks`. */
  server?: ServerOptions;
  /** Closes the queue. */
  signal?: AbortSignal;
}

/**
 * This tab as a worker of a server: it runs jobs whose task it has among its own `tasks`, and whose place is `browser` or
 * `either`.  In a Python of its own, so the tab's own jobs do not wait for them.  `status().server` tells how it goes.
 */
export interface ServerOptions {
  /** Address of the server. */
  url: string;
  /** A bearer token with the scope `work`, or what gives one; asked before every request. */
  token?: string;
  getToken?: () => string | Promise<string>;
  /** Queues to take jobs from; `"*"` for all. */
  work: string[];
  /** Jobs at once; 2 without it. */
  concurrency?: number;
  /** Jobs that this page takes at most in its life; no limit without it. */
  maxJobs?: number;
  /** From 0 to 1: on a battery below it that is not charging no job is taken; 0.3 without it. */
  minBattery?: number;
}

export interface ServerStatus {
  /** `resting`: it takes no jobs now, `reason` says why; `failed`: see `error`; it is tried again. */
  state: "connecting" | "working" | "resting" | "failed";
  reason?: "leaving" | "offline" | "save_data" | "battery" | "limit";
  /** `forbidden`: the token lacks the scope `work`.  `unauthorized`, `cors`, `not_a_store`, `storage_unavailable` ... */
  error?: { code: string; message: string; retryable?: boolean };
  /** Jobs of the server that run here, and attempts that ended here. */
  active: number;
  done: number;
}

/**
 * Opens a queue.  Rejects with `invalid_input`, `opened_from_file`, `not_secure_context`, `no_worker_support`,
 * `cors`, `script_blocked`, `runtime_404`, `wrong_mime`, `storage_blocked`, `schema_too_new`.
 * What keeps Python from starting comes later, in `status().error`: jobs can be submitted and observed all the same.
 */
export function open(options: OpenOptions): Promise<Queue>;

export interface SubmitOptions {
  /** -1000 to 1000, lower runs first. */
  priority?: number;
  /** Seconds from now; or `runAt`. */
  delay?: number;
  runAt?: Date;
  deadline?: Date;
  /** Seconds that one attempt may take. */
  timeout?: number;
  maxAttempts?: number;
  /** To find jobs that belong together. */
  runId?: string;
  /**
   * While another job of this task holds the key, that one is returned instead.  A text is a key held until its job is
   * done; null: none, though the task has a policy.
   */
  unique?: string | Unique | null;
  tags?: string[];
  /** Jobs that must be final first.  When one of them does not complete, this one fails, is cancelled or runs all the same. */
  after?: (string | { readonly id: string; readonly onFailure?: "fail" | "cancel" | "run" })[];
  /** Jobs of one key run one at a time, in the order of `submit`; null: in no order, though the task has a key. */
  orderingKey?: string | null;
  /** Of your own, so that submitting twice stores one job. */
  id?: string;
}

/** Which submits are the same: by `key`, or by the input.  `started`: until the job that holds it starts; `within`: for so many seconds. */
export type Unique = { until: "started" | "done"; within?: undefined; key?: string } | { within: number; until?: undefined; key?: string };

export interface Progress { percent: number; message: string; details?: Json }
export interface AttemptError { attempt: number; type: string; message: string; code: string; traceback: string }

export interface JobBase {
  id: string; task: string; queue: string; priority: number; input: Json; progress: Progress; tags: string[];
  attempts: number; maxAttempts: number;
  /** Attempts that ended through no fault of the job, such as a closed tab; not counted in `attempts`. */
  interruptions: number;
  /** One for each failed attempt, oldest first. */
  errors: AttemptError[];
  home: "local" | "outbox" | "moving" | "remote";
  created: Date; runAt: Date; started?: Date; finished?: Date; deadline?: Date;
  runId?: string; worker?: string;
}
/** What a job is, told apart by its state. */
export type Job =
  | (JobBase & { state: "completed"; output: Json })
  | (JobBase & { state: "failed" | "cancelled" | "disabled"; error: { code: string; message: string } })
  | (JobBase & { state: "blocked" | "pending" | "running" | "suspended" });

/** `job` is the job as it was when the event was read, which may be later than the event. */
export type QueueEvent =
  | { type: "added" | "start" | "complete" | "error" | "retry" | "disabled" | "cancelling" | "cancelled"; job: Job; cursor: string }
  | { type: "progress"; id: string; progress: Progress; cursor: string };

export interface Handle<O = any> {
  readonly id: string;
  /** The same id when a job that stood already was returned instead of a new one. */
  readonly duplicateOf?: string;
  /**
   * The output, once the job is completed, wherever it runs; the signal ends the waiting, not the job.
   * Rejects with `job_failed` (`data`: `type message traceback code`), `job_cancelled`, `job_disabled`, `job_not_found`.
   */
  result(options?: { signal?: AbortSignal }): Promise<O>;
  /** The output as JSON text: integers beyond 2^53 are exact in it. */
  resultText(): Promise<string>;
  /** Rejects with `job_not_found`. */
  job(): Promise<Job>;
  /** A pending job is cancelled at once, a running one is asked to stop.  False if it was final or asked already. */
  cancel(): Promise<boolean>;
  /** From now on; returns what ends it. */
  onProgress(fn: (progress: Progress) => void): () => void;
  /** Events of this job from now on, until it is final. */
  events(options?: { signal?: AbortSignal }): AsyncIterable<QueueEvent>;
}

/** Every given part must hold. */
export interface Filter {
  state?: State | State[]; queue?: string | string[]; task?: string | string[]; tag?: string; runId?: string;
  oldestFirst?: boolean;
  /** For `query`: jobs a page, 100 without it, and the cursor of the page before. */
  limit?: number; cursor?: string;
}

export interface Status {
  /** `leader`: Python runs in this tab; `follower`: in another one, or nowhere; `client`: connected to a server. */
  role: "leader" | "follower" | "client";
  /** Of the leader, in whatever tab it is.  `blocked`: a plain `def` task computes. */
  python: "off" | "booting" | "ready" | "blocked" | "failed";
  /** Why Python does not run or cannot store (`quota`), or why the queue has closed; `retryable`: it is tried again. */
  error?: { code: string; message: string; retryable?: boolean };
  online: boolean;
  isolated: boolean;
  /** The browser promised not to evict what is stored; asked for at the first submit. */
  persisted: boolean;
  /** Of the tab that leads, when the page works for a server. */
  server?: ServerStatus;
  /** A newer build of this app is open and runs the jobs: reload to get it. */
  outdated: boolean;
  /** The jobs of earlier visits are gone: the browser evicted them, or they were deleted. */
  evicted?: { code: string; message: string };
}

/** A queue or a task whose jobs do not start. */
export type Paused = { queue: string; since: Date } | { task: string; since: Date };
export interface LogLine { message: string; fields: Record<string, Json> }

/** What a task written in JavaScript sees of its job. */
export interface TaskContext {
  readonly jobId: string; readonly task: string; readonly queue: string;
  /** 1 for the first. */
  readonly attempt: number; readonly maxAttempts: number;
  /**
   * Aborts when the job is cancelled, its time is up, its lease is lost or the queue is closed; the `reason` is a WherryError
   * with the code `job_cancelled`, `timeout`, `deadline_exceeded`, `lease_lost` or `interrupted`.  Pass it to `fetch`, or ask it:
   * a function that does not stop within a second is settled without it, and what it returns later is dropped.
   */
  readonly signal: AbortSignal;
  /** How far the job is, 0 to 100; stored and seen elsewhere within 0.2 s. */
  progress(percent: number, message?: string, details?: Json): void;
  /** Keeps one line with the job; see `queue.logs`. */
  log(message: string, fields?: Record<string, Json>): void;
}
/** What it returns is the output; nothing is null.  What it throws fails the attempt, which is tried again. */
export type TaskFunction<I, O> = (input: I, context: TaskContext) => O | Promise<O>;

/** Delays between attempts, in seconds: `first * factor ** (n - 1)`, at most `limit`, shortened at random by up to `jitter` of it; or `delays` one by one. */
export interface Backoff { first?: number; factor?: number; limit?: number; jitter?: number; delays?: number[] }

/** Defaults of a task's jobs, as of `@task` in Python. */
export interface TaskOptions {
  /** `default` without it. */
  queue?: string;
  /** Executions at most; 4 without it. */
  maxAttempts?: number;
  /** Seconds that one attempt may take; 600 without it. */
  timeout?: number;
  retry?: Backoff;
  priority?: number;
  unique?: string | Unique;
  orderingKey?: string;
  tags?: string[];
  /** Jobs that wait long run before newer ones of a better priority. */
  aging?: boolean;
  /** JSON Schema of the input: a submit of what does not fit is refused. */
  schema?: Record<string, unknown>;
}

export interface Queue extends AsyncDisposable {
  /**
   * What can be done here: `observe`, `submit`, `work`, `operate` (over a server: what the token allows), `priority`, `limits`,
   * `tasks` (`task` works), `offline`.
   */
  readonly capabilities: ReadonlySet<string>;
  /**
   * Stores one job; when this resolves the job outlives the tab.  Unless the tasks are `known`, the first submit of a first visit
   * waits until Python has told what tasks there are.
   * Rejects with `task_unknown`, `invalid_input`, `not_json` (`data.path`), `payload_too_large`, `job_not_found` (in `after`).
   */
  submit<N extends Name>(task: N, ...given: Given<N>): Promise<Handle<Out<N>>>;
  /** All inputs are checked before the first is stored; handles in the order of the inputs. */
  submitMany<N extends Name>(task: N, inputs: In<N>[], options?: SubmitOptions): Promise<Handle<Out<N>>[]>;
  /** A handle on a job that was submitted elsewhere. */
  handle(id: string): Handle;
  get(id: string): Promise<Job | undefined>;
  /** A page of jobs, newest first, and the cursor of the next page. */
  query(filter?: Filter): Promise<{ jobs: Job[]; cursor?: string }>;
  /** Numbers of jobs by state, or by another field; keys without jobs are absent. */
  count(filter?: Filter, by?: "state" | "queue" | "task"): Promise<Record<string, number>>;
  /** How many were cancelled or asked to stop.  `job_not_found` for an id that is not stored; so below. */
  cancel(which: string | Filter): Promise<number>;
  /** Puts failed, cancelled and disabled jobs back. */
  retry(which: string | Filter): Promise<number>;
  /** Ends unfinished jobs as `disabled`; `retry` puts them back. */
  disable(which: string | Filter): Promise<number>;
  /** Removes final jobs. */
  remove(which: string | Filter): Promise<number>;
  /** No job of a queue (its name, or `{queue}`) or of a `{task}` starts until `resume`, over reloads too; those that run go on. */
  pause(which: string | { queue: string } | { task: string }): Promise<void>;
  /** False when it was not paused.  Workers notice within 5 s. */
  resume(which: string | { queue: string } | { task: string }): Promise<boolean>;
  paused(): Promise<Paused[]>;
  /** One sentence that says why a job is not running, or what became of it. */
  why(id: string): Promise<string>;
  /** What the job's attempts said with `context.log`, oldest first. */
  logs(id: string): Promise<LogLine[]>;
  /**
   * Registers a task written in JavaScript.  Its jobs run in this page, and in others that register it: claimed, leased, retried,
   * cancelled and settled as those in Python, which is not needed for them.  Resolves when other tabs know of it; `submit` knows at once.
   * Over a server the page runs the server's jobs of that name, with a token that has the scope `work`.
   * Rejects with `invalid_input`, `duplicate_task`, `forbidden` (by the server).
   */
  task<N extends Name>(name: N, run: TaskFunction<TaskIn<N>, Out<N>>, options?: TaskOptions): Promise<void>;
  /** From now on, or since a cursor.  Rejects with `events_lost` when some are no longer kept: read the jobs again. */
  events(options?: { since?: string; signal?: AbortSignal }): AsyncIterable<QueueEvent>;
  status(): Status;
  /**
   * `update`: newer code of this site is there, reload; when it took the store over, this queue has closed.
   * `evicted`: the store was deleted, now or since the last visit.
   */
  on(type: "status" | "update" | "evicted", fn: (status: Status) => void): () => void;
  /** Running jobs get `drain` seconds, 0 without it; the rest goes back uncharged. */
  close(options?: { drain?: number }): Promise<void>;
  readonly debug: {
    /** Ends the Python that runs, in whatever tab, as a crash would.  Does nothing over a server. */
    killExecutor(): Promise<void>;
  };
}

export interface OfflineOptions {
  /** More addresses to keep, such as a data file that the page fetches; the page and what it loaded are kept anyway. */
  also?: (string | URL)[];
  /** A folder made by `wherry site`; without it the one that wherry.js came from. */
  assets?: string | URL;
  /** Of the service worker, wider than its folder: the server must send `Service-Worker-Allowed`. */
  scope?: string | URL;
  /** Told once when the server has a newer build than this page: a reload brings it. */
  onupdate?: (state: OfflineState) => void;
}
export interface OfflineState {
  /** The build of this page, and the one that is kept for later. */
  build: string; newest: string;
  /** They differ: a reload brings the newer one. */
  update: boolean;
}
/**
 * Keeps this page and its site for visits without network, by the site's service worker; resolves when all is kept.
 * Rejects with `no_service_worker`, `offline_scope`, `runtime_404`, `wrong_mime`, `script_blocked`, `quota`, `offline`.
 */
export function offline(options?: OfflineOptions): Promise<OfflineState>;

/** Bytes that this whole site keeps in the browser and may keep, as the browser tells; whether it promised not to evict them. */
export function storageUse(): Promise<{ used: number; quota: number; persisted: boolean }>;

/** Thrown in a task: run it again, after `delay` seconds, or `at` an instant, or when its backoff says. */
export class RetryableError extends WherryError {
  constructor(message: string, when?: { delay?: number; at?: Date; cause?: unknown });
  readonly delay?: number;
  readonly at?: Date;
}
/** Thrown in a task: fail the job at once, whatever attempts are left. */
export class PermanentError extends WherryError {
  constructor(message: string, more?: { cause?: unknown });
}
/** Thrown in a task: run it again after `delay` seconds, without being charged an attempt. */
export class Snooze extends WherryError {
  constructor(delay: number);
  readonly delay: number;
}

/** The one class of all errors, which their `code` tells apart. */
export class WherryError extends Error {
  constructor(code: string, message: string, more?: { cause?: unknown; jobId?: string; retryable?: boolean; data?: Record<string, unknown> });
  /** Stable, for programs. */
  readonly code: string;
  readonly jobId?: string;
  /** The same call may succeed later. */
  readonly retryable: boolean;
  /** The facts of the message. */
  readonly data: Record<string, unknown>;
}

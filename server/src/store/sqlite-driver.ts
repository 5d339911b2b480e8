/**
 * How kysely uses a SQLite file. What many callers write in one turn of the event loop is made durable by one commit: each
 * transaction is a savepoint of a shared one, and nobody is answered before that has committed. Reads outside a transaction
 * have a connection of their own, so they see only what is durable.
 */
import { setTimeout as delay } from "node:timers/promises";
import type BetterSqlite from "better-sqlite3";
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from "kysely";

type Sqlite = BetterSqlite.Database;
type Statement = BetterSqlite.Statement<unknown[]>;

/** How long a transaction waits for one of another process to end. */
const LONGEST_WAIT_MS = 10_000;

/** Transactions that share a commit. */
interface Group {
  /** Settles as the commit does. */
  committed: Promise<void>;
  end(fault?: unknown): void;
  /** The event loop's turn is over: it commits as soon as no transaction is open. */
  due: boolean;
}

/** The writer, in one transaction's hands. */
interface Turn {
  group: Group;
  release(): void;
}

interface Connection extends DatabaseConnection {
  /** While a transaction is open on it. */
  turn: Turn | null;
}

/**
 * Makes the driver. Transactions are serialised in the order in which they begin.
 *
 * @param writer for every write and every transaction; it must not wait for locks by itself, which would stop the event loop
 * @param reader for all other reads, another connection to the same file; null where there is none, as in memory
 */
export function sqliteDriver(writer: Sqlite, reader: Sqlite | null): Driver {
  const [write, read] = [statements(writer), reader && statements(reader)];
  let last = Promise.resolve();
  let group: Group | null = null;
  let taken = false;

  async function take(): Promise<Turn> {
    const { promise, resolve } = deferred<void>();
    const before = last;
    last = promise;
    await before;
    const release = (): void => {
      taken = false;
      if (group?.due) commit(group);
      resolve();
    };
    try {
      taken = true;
      group ??= await begin();
      return { group, release };
    } catch (fault) {
      release();
      throw fault;
    }
  }

  async function begin(): Promise<Group> {
    // The write lock at once: a read that later writes would fail with SQLITE_BUSY when another process wrote in between.
    await unlessBusy(write("begin immediate"));
    const { promise, resolve, reject } = deferred<void>();
    promise.catch(() => {});
    const begun: Group = {
      committed: promise,
      due: false,
      end(fault) {
        group = null;
        if (fault === undefined) resolve();
        else reject(fault);
      },
    };
    setImmediate(() => {
      begun.due = true;
      if (group === begun && !taken) commit(begun);
    });
    return begun;
  }

  function commit(ending: Group): void {
    try {
      write("commit").run();
      ending.end();
    } catch (fault) {
      undo(fault);
    }
  }

  /** Nobody's work is kept, and everybody is told. */
  function undo(fault: unknown): void {
    if (writer.inTransaction) write("rollback").run();
    group?.end(fault);
  }

  function onWriter(turn: Turn, query: CompiledQuery): QueryResult<never> {
    if (turn.group !== group) throw new Error("The transaction is undone");
    try {
      return run(write(query.sql), query.parameters);
    } catch (fault) {
      // A full disk undoes the whole transaction, and with it what others wrote in it.
      if (!writer.inTransaction) undo(fault);
      throw fault;
    }
  }

  function connect(): Connection {
    return {
      turn: null,
      async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
        if (this.turn) return onWriter(this.turn, query);
        // While nothing is uncommitted the writer reads what is durable too, and what it wrote last it has at hand; a reader
        // must take it out of the log anew after each commit.
        const reading = (group === null ? write : read)?.(query.sql);
        if (reading?.readonly) return run(reading, query.parameters);
        const turn = await take();
        let result: QueryResult<R>;
        try {
          result = onWriter(turn, query);
        } finally {
          turn.release();
        }
        await turn.group.committed;
        return result;
      },
      // biome-ignore lint/correctness/useYield: nothing here is read by streams
      async *streamQuery() {
        throw new Error("There are no streams");
      },
    };
  }

  return {
    async init() {},
    acquireConnection: async () => connect(),
    async beginTransaction(connection) {
      const turn = await take();
      try {
        write("savepoint work").run();
      } catch (fault) {
        turn.release();
        throw fault;
      }
      (connection as Connection).turn = turn;
    },
    async commitTransaction(connection) {
      const { turn } = connection as Connection;
      if (turn?.group === group) write("release work").run();
      endTurn(connection);
      await turn?.group.committed;
    },
    async rollbackTransaction(connection) {
      const { turn } = connection as Connection;
      try {
        if (turn && turn.group === group) {
          write("rollback to work").run();
          write("release work").run();
        }
      } catch (fault) {
        undo(fault);
        throw fault;
      } finally {
        endTurn(connection);
      }
    },
    async releaseConnection() {},
    async destroy() {
      await last;
      await group?.committed.catch(() => {});
      // The writer last: whoever closes a file last takes its log along.
      reader?.close();
      writer.close();
    },
  };
}

function endTurn(connection: DatabaseConnection): void {
  const { turn } = connection as Connection;
  (connection as Connection).turn = null;
  turn?.release();
}

/** Runs a statement that needs a lock as soon as nobody has it. */
async function unlessBusy(statement: Statement): Promise<void> {
  for (let tries = 0, waited = 0; ; tries++) {
    try {
      statement.run();
      return;
    } catch (fault) {
      if (!String((fault as { code?: unknown }).code).startsWith("SQLITE_BUSY") || waited >= LONGEST_WAIT_MS)
        throw fault;
    }
    const pause = 1 + Math.random() * Math.min(2 ** tries, 16);
    waited += pause;
    await delay(pause);
  }
}

/** Prepared statements, kept: a third off the cost of a query. */
function statements(sqlite: Sqlite): (sql: string) => Statement {
  const kept = new Map<string, Statement>();
  return (sql) => {
    let statement = kept.get(sql);
    if (!statement) {
      statement = sqlite.prepare<unknown[]>(sql);
      if (kept.size < 500) kept.set(sql, statement);
    }
    return statement;
  };
}

function run(statement: Statement, parameters: readonly unknown[]): QueryResult<never> {
  if (statement.reader) return { rows: statement.all(parameters as unknown[]) as never[] };
  const { changes, lastInsertRowid } = statement.run(parameters as unknown[]);
  return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (fault: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

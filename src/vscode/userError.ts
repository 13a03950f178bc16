/** An error whose message is meant for the user: what happened, to which task, and what to do. */
export class UserError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UserError';
  }
}

/** No error: there is nothing that a command could do. Its message says what there is not. */
export class NothingToDo extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NothingToDo';
  }
}

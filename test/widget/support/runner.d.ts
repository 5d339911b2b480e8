/** What the test runner puts into the page. */
declare function describe(title: string, body: () => void): void;
declare function it(title: string, body: () => unknown): void;
declare function afterEach(body: () => unknown): void;
declare function beforeEach(body: () => unknown): void;

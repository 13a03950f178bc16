import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * The arrows of docs/ARCHITECTURE.md: what each room of src may import from beside itself.
 * `vscode: false` keeps a room runnable, and tested, in plain Node.
 */
const rooms = {
  persistence: { imports: [], vscode: false },
  process: { imports: ['persistence'], vscode: false },
  store: { imports: ['persistence', 'process'], vscode: false },
  output: { imports: ['persistence'], vscode: false },
  worker: { imports: ['persistence', 'process', 'store', 'output'], vscode: false },
  vscode: { imports: ['persistence', 'process', 'store', 'output', 'worker'], vscode: true },
  ...Object.fromEntries(
    ['explorer', 'documents', 'commands'].map((room) => [
      room,
      {
        imports: ['persistence', 'process', 'store', 'output', 'worker', 'vscode'],
        vscode: true,
      },
    ]),
  ),
};

/** The ways out of a room: from its own files, and from those in its folders. */
const waysOut = [
  { files: '*.ts', up: '\\.\\./' },
  { files: '*/*.ts', up: '\\.\\./\\.\\./' },
];

const layerRule = (room, { imports, vscode }, { files, up }) => ({
  files: [`src/${room}/${files}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        paths: vscode
          ? []
          : [
              {
                name: 'vscode',
                message: `src/${room} runs without VS Code (docs/ARCHITECTURE.md).`,
              },
            ],
        patterns: [
          {
            regex: `^${up}(?!(${[...imports, 'api\\.ts$'].join('|')})(/|$)|api\\.ts$)`,
            message: `src/${room} may import only: ${imports.join(', ') || 'itself'} (docs/ARCHITECTURE.md).`,
          },
        ],
      },
    ],
  },
});

const layerRules = Object.entries(rooms).flatMap(([name, room]) =>
  waysOut.map((wayOut) => layerRule(name, room, wayOut)),
);

export default tseslint.config(
  { ignores: ['dist/', 'out/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `number | undefined` fields say "absent"; comparing them to undefined is the point.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      eqeqeq: 'error',
    },
  },
  ...layerRules,
  {
    files: ['src/**/*.ts'],
    ignores: ['src/vscode/messages.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[property.name=/^show(Information|Warning|Error)Message$/]',
          message: 'Messages go through src/vscode/messages.ts, which takes links out of them.',
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
);

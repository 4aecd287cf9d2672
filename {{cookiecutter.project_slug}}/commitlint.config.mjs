// The same rules as bin/commit-check, for those who run commitlint: npx --package @commitlint/cli commitlint --edit
const ticket = /^Refs: {{ cookiecutter.__ticket_prefix }}-[1-9][0-9]*$/;

export default {
  defaultIgnores: false,
  ignores: [(message) => /^(Merge |Revert "|(fixup|squash|amend)! )/.test(message)],
  parserPreset: { parserOpts: { headerPattern: /^(\w+)(?:\(([a-z0-9-]+)\))?!?: (\S.*)$/, headerCorrespondence: ['type', 'scope', 'subject'] } },
  plugins: [
    {
      rules: {
        'ticket-last': ({ raw }) => [ticket.test(raw.trim().split('\n').at(-1)), 'the last line must be Refs: {{ cookiecutter.__ticket_prefix }}-N'],
      },
    },
  ],
  rules: {
    'header-max-length': [2, 'always', 79],
    'subject-empty': [2, 'never'],
    'ticket-last': [2, 'always'],
    'type-empty': [2, 'never'],
    'type-enum': [2, 'always', ['build', 'chore', 'ci', 'docs', 'feat', 'fix', 'perf', 'refactor', 'revert', 'style', 'test']],
  },
};

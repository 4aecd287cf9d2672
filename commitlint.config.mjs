// The rules of the messages in this repository; .githooks/commit-msg and tests hold them too.
export default {
  plugins: [
    {
      rules: {
        'ticket-last': ({ raw }) => [/^Refs: SLIP-[1-9][0-9]*$/.test(raw.trim().split('\n').at(-1)), 'the last line must be Refs: SLIP-N'],
      },
    },
  ],
  rules: {
    'header-max-length': [2, 'always', 79],
    'subject-empty': [2, 'never'],
    'ticket-last': [2, 'always'],
    'type-empty': [2, 'never'],
  },
};

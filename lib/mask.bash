# What no file of a run may hold: secrets that are told to a container in clear, in the objects that are kept.
#
# Owns MASK, a program of jq: `jq "$MASK mask"`. Calls nothing; evidence.bash and workloads.bash use it.
#
# shellcheck shell=bash disable=SC2034 # read by the files beside this one

# By the name of an environment variable, an HTTP header, an option, or a key of annotations, of a ConfigMap and of a
# scaler's trigger: TOKEN, KEY, PASSWORD and SECRET (HF_TOKEN, apiKey, --api-key; not MAX_TOKENS). In texts such as that
# of `sh -c` by what follows such a name. A short number is none: --num-speculative-token 5.
# shellcheck disable=SC2016 # jq expands it
MASK='
  def masked: "(masked: a secret)";
  def is_secret: test("(token|password|secret|apikey|authorization|(^|[-_.])key)$"; "i") or test("[a-z]Key$");
  def is_number: test("^[0-9]{1,5}$");
  def last_applied: "kubectl.kubernetes.io/last-applied-configuration";

  # A value: quoted, or a word that is no option and no operator of a shell.
  def mask_text:
    gsub("(?<option>--[A-Za-z0-9._-]*(?:token|password|secret|apikey|[-_.]key))(?<gap>(?:[ =\t\n]|\\\\\n)+)(?<value>(?:(?:\"[^\"]*\"|\u0027[^\u0027]*\u0027|(?!-|\\\\)[^ \t\n&;|\"\u0027]+)(?:[ \t]+(?![-&;|\\\\])|))+)";
      .option + .gap + (if .value | is_number then .value else masked + (.value | capture("(?<end>[ \t]*)$").end) end); "i")
    | gsub("(?<name>\\b[A-Za-z0-9_]*(?:token|password|secret|apikey|_key))(?<gap>=| *: +)(?<value>\"[^\"]*\"|\u0027[^\u0027]*\u0027|[^ \t\n&;|\"\u0027]+)";
      .name + .gap + (if .value | is_number or test("^[(]masked") then .value else masked end); "i")
    | gsub("(?<name>\\b(?:bearer|basic) )(?<value>[A-Za-z0-9._~+/=-]{8,})"; .name + masked; "i");
  # Words of a command: what follows the option of a secret, up to the next option, is one.
  def mask_words: reduce .[] as $word ({words: [], hides: false};
      if $word | type != "string" then .words += [$word]
      elif $word | startswith("-") then
        .hides = ($word | test("^--?[^= ]+$") and is_secret) | .words += [$word | mask_text]
      elif .hides and ($word | is_number | not) then .words += [masked]
      else .words += [$word | mask_text] end) | .words;
  def mask_values: with_entries(if .value | type != "string" then .
      elif .key == last_applied then .
      elif (.key | is_secret) and .value != "" then .value = masked
      else .value |= mask_text end);
  def mask:
    def mask_object:
      (if (.name | type) == "string" and (.value | type) == "string" and .value != "" and (.name | is_secret)
       then .value = masked else . end)
      | reduce ("args", "command") as $key (.; if .[$key] | type == "array" then .[$key] |= mask_words else . end)
      | reduce ("annotations", "data", "metadata") as $key (.;
          if (.[$key] | type) == "object" and ($key != "metadata" or (.metadata | has("name") | not))
          then .[$key] |= mask_values else . end)
      | if .annotations | type == "object" and has(last_applied) then
          .annotations[last_applied] = # not |=, whose end jq 1.6 catches as an error
            (.annotations[last_applied] | try (fromjson | mask | tojson) catch masked)
        else . end;
    walk(if type == "object" then mask_object else . end);
'

// Runs a declarative Jenkinsfile without Jenkins and prints what it does: one line an event, with tabs between its kind,
// the stage, the agent that is held, the ids of the credentials at hand, and its text. It knows the directives and steps
// that the pipelines of a service use; any other one ends the run with its name.
//
// usage: java -cp groovy.jar groovy.ui.GroovyMain Harness.groovy JENKINSFILE [branch=main] [change=7] [fail=WORDS]
//   [reject=yes] [env.NAME=value]; fail makes each command that holds the words fail, env.NAME is a property of the folder

import org.codehaus.groovy.control.CompilerConfiguration

class Broken extends RuntimeException {
  Broken(String message) { super(message) }
}

class Stage {
  String name
  def agent
  Closure whenBlock, environmentBlock, stepsBlock, postBlock
  List<Stage> stages = []
  boolean parallel
}

class Values {
  Map values
  def propertyMissing(String name, value) { values[name] = value }
  def propertyMissing(String name) { name == 'env' ? values : values[name] }
}

abstract class Jenkins extends Script {
  static Map scenario = [:]
  private List<Stage> open = []
  private List<String> path = []
  private List held = []
  private List<String> credentials = []
  private List<Boolean> conditions
  private String outcome

  def none = 'none', any = 'any'
  def env = [:]

  // directives: collected first, run later

  def pipeline(Closure body) {
    scenario.each { name, value -> if (name.startsWith('env.')) { env[name.substring(4)] = value } }
    def top = collect('', body)
    run(top)
    if (outcome) { println "END\t${outcome}" } else { println "END\tsuccess" }
  }
  private Stage collect(String name, Closure body) {
    def made = new Stage(name: name)
    open << made
    body()
    open.remove(open.size() - 1)
    made
  }
  def stage(String name, Closure body) { def made = collect(name, body); open.last().stages << made }
  def stages(Closure body) { body() }
  def parallel(Closure body) { open.last().parallel = true; body() }
  def agent(String name) { open.last().agent = name }
  def agent(Closure body) { open.last().agent = body() }
  def label(String name) { name }
  def options(Closure body) { body() }
  def when(Closure body) { open.last().whenBlock = body }
  def environment(Closure body) { open.last().environmentBlock = body }
  def steps(Closure body) { open.last().stepsBlock = body }
  def post(Closure body) { open.last().postBlock = body }

  def buildDiscarder(given) { }
  def logRotator(Map given) { given }
  def disableConcurrentBuilds() { }
  def skipStagesAfterUnstable() { }
  def timestamps() { }
  def timeout(Map given) { assert given.time > 0 && given.unit in ['MINUTES', 'HOURS', 'DAYS'] }
  def triggers(Closure body) { body() }
  def cron(String given) { }

  // conditions

  def branch(String name) { conditions << (scenario.branch == name && !scenario.change) }
  def changeRequest() { conditions << (scenario.change != null) }
  def expression(Closure body) { conditions << (body() as boolean) }
  def beforeAgent(boolean given) { }

  private void run(Stage stage) {
    def before = new LinkedHashMap(env)
    if (stage.name) { path << stage.name }
    try {
      if (stage.whenBlock) {
        conditions = []
        stage.whenBlock()
        if (!conditions.every()) { tell('skipped', ''); return }
      }
      if (stage.agent && stage.agent != 'none') { held << stage.agent; tell('agent', stage.agent) }
      if (stage.environmentBlock) {
        stage.environmentBlock.delegate = new Values(values: env)
        stage.environmentBlock.resolveStrategy = Closure.DELEGATE_FIRST
        stage.environmentBlock()
      }
      String failed = null
      try {
        if (stage.stepsBlock) { stage.stepsBlock() }
        for (one in stage.stages) {
          if (failed == null || stage.parallel) {
            try { run(one) } catch (Broken broken) { failed = broken.message }
          }
        }
      } catch (Broken broken) {
        failed = broken.message
      }
      outcome = outcome ?: failed
      if (stage.postBlock) { after(stage.postBlock, failed) }
      if (failed != null) { throw new Broken(failed) }
    } catch (Broken broken) {
      if (stage.name) { throw broken }
    } finally {
      if (stage.agent && stage.agent != 'none' && held) { held.remove(held.size() - 1) }
      if (stage.name) { path.remove(path.size() - 1) }
      env.clear()
      env.putAll(before)
    }
  }

  // what stands in post

  private String ended
  private void after(Closure body, String failed) { ended = failed; path << 'post'; body(); path.remove(path.size() - 1) }
  def always(Closure body) { body() }
  def success(Closure body) { if (ended == null) { body() } }
  def failure(Closure body) { if (ended != null) { body() } }

  // steps

  private void tell(String kind, text) {
    println([kind, path.join('/'), held ? held.last() : '-', credentials.join(',') ?: '-', text].join('\t'))
  }
  def sh(String command) {
    tell('sh', command)
    if (scenario.fail && command.contains(scenario.fail)) { throw new Broken("command failed: ${command}") }
  }
  def sh(Map given) { sh(given.script); given.returnStatus ? (scenario.status ?: '0') as int : null }
  def echo(String text) { tell('echo', text) }
  def stash(Map given) { tell('stash', "${given.name}: ${given.includes}") }
  def unstash(String name) { tell('unstash', name) }
  def junit(Map given) { tell('junit', given.testResults) }
  def archiveArtifacts(Map given) { tell('archiveArtifacts', given.artifacts) }
  def input(Map given) { tell('input', given.message); if (scenario.reject) { throw new Broken('rejected') } }
  def withCredentials(List given, Closure body) {
    def before = new ArrayList(credentials)
    credentials.addAll(given*.credentialsId)
    try { body() } finally { credentials = before }
  }
  def usernamePassword(Map given) { assert given.usernameVariable && given.passwordVariable; given }
  def file(Map given) { assert given.variable; given }
  def string(Map given) { assert given.variable; given }
  def gitUsernamePassword(Map given) { given }
  def script(Closure body) { body() }
  def unstable(String text) { tell('unstable', text) }
  def error(String text) { tell('error', text); throw new Broken(text) }
}

def given = args.toList().tail().collectEntries { one -> one.split('=', 2).toList() }
Jenkins.scenario = given
def configuration = new CompilerConfiguration(scriptBaseClass: Jenkins.name)
new GroovyShell(this.class.classLoader, new Binding(), configuration).evaluate(new File(args[0]))

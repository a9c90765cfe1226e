using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Causeway.TestKit;

/// <summary>
/// The public API of an assembly as text, one line for each type and member, sorted: small enough to be reviewed, exact
/// enough that no change goes unseen. Protected members count as public; what the compiler makes for records does not.
/// </summary>
public static class PublicApiText
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly NullabilityInfoContext s_nullability = new();

    private static readonly Dictionary<Type, string> s_keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(bool)] = "bool",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(double)] = "double",
        [typeof(string)] = "string",
        [typeof(object)] = "object",
    };

    /// <summary>Describes every public type of an assembly. Lines end in '\n'.</summary>
    public static string Describe(Assembly assembly)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        StringBuilder text = new();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(static t => t.FullName, StringComparer.Ordinal))
        {
            text.Append(Header(type)).Append('\n');
            foreach (string member in Members(type).Distinct().Order(StringComparer.Ordinal))
            {
                text.Append("    ").Append(member).Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>The lines that only one of two texts has, "- " before those of the first and "+ " before the second's.</summary>
    public static string Differences(string expected, string actual)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(actual);
        List<string> before = Qualified(expected);
        List<string> after = Qualified(actual);
        IEnumerable<string> lines = before.Except(after).Select(static line => "- " + line)
            .Concat(after.Except(before).Select(static line => "+ " + line));
        return string.Join('\n', lines);
    }

    // A member's line alone does not say whose it is.
    private static List<string> Qualified(string text)
    {
        List<string> lines = [];
        string type = "";
        foreach (string line in text.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line[0] != ' ')
            {
                type = line;
                lines.Add(line);
            }
            else
            {
                lines.Add($"{type} :: {line.Trim()}");
            }
        }

        return lines;
    }

    private static string Header(Type type)
    {
        string kind = type.IsEnum ? "enum"
            : type.IsSubclassOf(typeof(Delegate)) ? "delegate"
            : type.IsInterface ? "interface"
            : type.IsValueType ? (type.IsByRefLike ? "ref struct" : "struct")
            : type.IsAbstract && type.IsSealed ? "static class"
            : type.IsAbstract ? "abstract class"
            : type.IsSealed ? "sealed class" : "class";
        IEnumerable<Type> bases = type.GetInterfaces().Where(i => i.IsPublic && !i.Name.StartsWith("IEquatable", StringComparison.Ordinal));
        if (type.BaseType is { } parent)
        {
            // Those that the base class or another interface brings along are noise.
            HashSet<Type> inherited = [.. parent.GetInterfaces(), .. type.GetInterfaces().SelectMany(static i => i.GetInterfaces())];
            bases = bases.Where(i => !inherited.Contains(i));
            if (parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum) && parent != typeof(MulticastDelegate))
            {
                bases = bases.Prepend(parent);
            }
        }

        string list = type.IsEnum
            ? Name(Enum.GetUnderlyingType(type))
            : string.Join(", ", bases.Select(Name).Order(StringComparer.Ordinal));
        return $"{kind} {type.Namespace}.{Name(type)}{(list.Length > 0 ? " : " + list : "")}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
        {
            return Enum.GetNames(type).Select(name => string.Create(
                CultureInfo.InvariantCulture, $"{name} = {Convert.ToInt64(Enum.Parse(type, name), CultureInfo.InvariantCulture)}"));
        }

        if (type.IsSubclassOf(typeof(Delegate)))
        {
            return [Method(type.GetMethod("Invoke")!)];
        }

        IEnumerable<string> fields = type.GetFields(Declared).Where(static f => f.IsPublic || f.IsFamily || f.IsFamilyOrAssembly).Select(Field);
        IEnumerable<string> constructors = type.GetConstructors(Declared).Where(IsVisible).Select(
            c => $"{Access(c)}{Name(type)}({Parameters(c)})");
        IEnumerable<string> properties = type.GetProperties(Declared).Select(Property).OfType<string>();
        IEnumerable<string> events = type.GetEvents(Declared).Where(static e => IsVisible(e.AddMethod!)).Select(
            static e => $"event {Name(e.EventHandlerType!)} {e.Name}");
        IEnumerable<string> methods = type.GetMethods(Declared)
            .Where(static m => IsVisible(m) && !IsAccessor(m) && !IsGenerated(m)).Select(Method);
        return fields.Concat(constructors).Concat(properties).Concat(events).Concat(methods);
    }

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsAccessor(MethodInfo method) =>
        method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal);

    private static bool IsGenerated(MethodInfo method) =>
        method.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false) || method.Name.StartsWith('<');

    private static string Field(FieldInfo field)
    {
        string type = Name(field.FieldType, s_nullability.Create(field));
        return field.IsLiteral
            ? string.Create(CultureInfo.InvariantCulture, $"const {type} {field.Name} = {field.GetRawConstantValue()}")
            : $"{(field.IsStatic ? "static " : "")}{(field.IsInitOnly ? "readonly " : "")}{type} {field.Name}";
    }

    private static string? Property(PropertyInfo property)
    {
        MethodInfo? get = property.GetMethod is { } g && IsVisible(g) ? g : null;
        MethodInfo? set = property.SetMethod is { } s && IsVisible(s) ? s : null;
        if ((get ?? set) is not { } accessor || property.Name == "EqualityContract")
        {
            return null;
        }

        bool isInit = set?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true;
        string required = property.IsDefined(typeof(RequiredMemberAttribute)) ? "required " : "";
        string accessors = (get is null ? "" : "get; ") + (set is null ? "" : isInit ? "init; " : "set; ");
        string index = property.GetIndexParameters().Length > 0 ? $"[{Parameters(accessor)}]" : "";
        return $"{Access(accessor)}{required}{Name(property.PropertyType, s_nullability.Create(property))} "
            + $"{property.Name}{index} {{ {accessors}}}";
    }

    private static string Method(MethodInfo method)
    {
        string generic = method.IsGenericMethodDefinition
            ? $"<{string.Join(", ", method.GetGenericArguments().Select(static a => a.Name))}>"
            : "";
        string result = Name(method.ReturnType, s_nullability.Create(method.ReturnParameter));
        return $"{Access(method)}{result} {method.Name}{generic}({Parameters(method)})";
    }

    private static string Access(MethodBase method)
    {
        string access = method.IsPublic ? "" : "protected ";
        if (method.IsStatic)
        {
            return access + "static ";
        }

        if (method.DeclaringType!.IsInterface || method is not MethodInfo info)
        {
            return access;
        }

        return access + (method.IsAbstract ? "abstract "
            : info.GetBaseDefinition() != info ? "override "
            : method is { IsVirtual: true, IsFinal: false } && !method.DeclaringType.IsSealed ? "virtual " : "");
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(static p =>
    {
        string direction = p.IsOut ? "out " : p.IsIn ? "in " : p.ParameterType.IsByRef ? "ref " : "";
        string value = p.HasDefaultValue
            ? string.Create(CultureInfo.InvariantCulture, $" = {p.RawDefaultValue ?? (p.ParameterType.IsValueType ? "default" : "null")}")
            : "";
        return $"{direction}{Name(p.ParameterType, s_nullability.Create(p))} {p.Name}{value}";
    }));

    private static string Name(Type type, NullabilityInfo nullability)
    {
        if (type.IsByRef)
        {
            return Name(type.GetElementType()!);
        }

        bool isNullable = !type.IsValueType && !type.IsGenericParameter
            && (nullability.ReadState is NullabilityState.Nullable || nullability.WriteState is NullabilityState.Nullable);
        return Name(type) + (isNullable ? "?" : "");
    }

    private static string Name(Type type)
    {
        if (s_keywords.TryGetValue(type, out string? keyword))
        {
            return keyword;
        }

        if (Nullable.GetUnderlyingType(type) is { } value)
        {
            return Name(value) + "?";
        }

        if (type.IsArray)
        {
            return Name(type.GetElementType()!) + "[]";
        }

        if (type.IsPointer)
        {
            return Name(type.GetElementType()!) + "*";
        }

        string name = type.IsNested && !type.IsGenericParameter ? $"{Name(type.DeclaringType!)}.{type.Name}" : type.Name;
        int arity = name.IndexOf('`', StringComparison.Ordinal);
        return arity < 0
            ? name
            : $"{name[..arity]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }
}

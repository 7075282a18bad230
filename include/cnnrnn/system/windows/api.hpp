#pragma once

#if defined(_WIN32)

// The functions of Windows that the library calls, declared as in its own headers: <windows.h>
// would bring thousands of macros (ERROR, IN, near, small, ...) into every program.

struct _BY_HANDLE_FILE_INFORMATION;
struct _CONSOLE_SCREEN_BUFFER_INFO;
struct _SECURITY_ATTRIBUTES;
struct _WIN32_FIND_DATAW;
struct HINSTANCE__;

extern "C" {
#define CNNRNN_WINDOWS __declspec(dllimport)
// clang-format off
CNNRNN_WINDOWS unsigned long __stdcall GetLastError();
CNNRNN_WINDOWS unsigned long __stdcall GetCurrentProcessId();
CNNRNN_WINDOWS void __stdcall Sleep(unsigned long milliseconds);
CNNRNN_WINDOWS int __stdcall CloseHandle(void* handle);

CNNRNN_WINDOWS HINSTANCE__* __stdcall GetModuleHandleW(const wchar_t* name);
CNNRNN_WINDOWS long long(__stdcall* __stdcall GetProcAddress(HINSTANCE__* module, const char* name))();

CNNRNN_WINDOWS int __stdcall MultiByteToWideChar(unsigned page, unsigned long flags, const char* from, int bytes, wchar_t* to, int size);
CNNRNN_WINDOWS int __stdcall WideCharToMultiByte(unsigned page, unsigned long flags, const wchar_t* from, int count, char* to, int size, const char* other, int* used_other);
CNNRNN_WINDOWS unsigned long __stdcall GetFullPathNameW(const wchar_t* path, unsigned long size, wchar_t* to, wchar_t** name);

CNNRNN_WINDOWS void* __stdcall CreateFileW(const wchar_t* path, unsigned long access, unsigned long share, _SECURITY_ATTRIBUTES* security, unsigned long how, unsigned long flags, void* like);
CNNRNN_WINDOWS int __stdcall CreateDirectoryW(const wchar_t* path, _SECURITY_ATTRIBUTES* security);
CNNRNN_WINDOWS void* __stdcall FindFirstFileW(const wchar_t* pattern, _WIN32_FIND_DATAW* found);
CNNRNN_WINDOWS int __stdcall FindNextFileW(void* search, _WIN32_FIND_DATAW* found);
CNNRNN_WINDOWS int __stdcall FindClose(void* search);
CNNRNN_WINDOWS unsigned long __stdcall GetFileAttributesW(const wchar_t* path);
CNNRNN_WINDOWS int __stdcall GetFileInformationByHandle(void* file, _BY_HANDLE_FILE_INFORMATION* information);
CNNRNN_WINDOWS unsigned long __stdcall GetFileType(void* file);
CNNRNN_WINDOWS int __stdcall MoveFileExW(const wchar_t* from, const wchar_t* to, unsigned long flags);
CNNRNN_WINDOWS int __stdcall DeleteFileW(const wchar_t* path);

CNNRNN_WINDOWS int __stdcall GetConsoleMode(void* console, unsigned long* mode);
CNNRNN_WINDOWS int __stdcall SetConsoleMode(void* console, unsigned long mode);
CNNRNN_WINDOWS int __stdcall GetConsoleScreenBufferInfo(void* console, _CONSOLE_SCREEN_BUFFER_INFO* info);
CNNRNN_WINDOWS int __stdcall SetConsoleOutputCP(unsigned page);
CNNRNN_WINDOWS wchar_t* __stdcall GetCommandLineW();
CNNRNN_WINDOWS wchar_t** __stdcall CommandLineToArgvW(const wchar_t* line, int* count);
CNNRNN_WINDOWS void* __stdcall LocalFree(void* memory);

CNNRNN_WINDOWS unsigned long __stdcall FlsAlloc(void(__stdcall* at_end)(void*));
CNNRNN_WINDOWS void* __stdcall FlsGetValue(unsigned long slot);
CNNRNN_WINDOWS int __stdcall FlsSetValue(unsigned long slot, void* value);
// clang-format on
#undef CNNRNN_WINDOWS
}

#include "cnnrnn/core/namespace.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace os::detail {

/// A function of kernel32 whose declaration would need types that only <windows.h> may define, or
/// which some versions of Windows lack; null then.
template <class Function>
Function* kernel_function(const char* name) {
  auto* const found = GetProcAddress(GetModuleHandleW(L"kernel32.dll"), name);
  return reinterpret_cast<Function*>(reinterpret_cast<void*>(found));
}

}  // namespace os::detail
CNNRNN_NAMESPACE_END

#endif
